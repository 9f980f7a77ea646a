import { randomUUID } from 'node:crypto';
import { describe, expect, inject, it } from 'vitest';
import { API_KEY, startKafkaProxy, type ProxyFrame } from '../kafka-proxy.ts';
import { createTestTopic } from './create-test-topic.ts';
import { quietClient } from './quiet-client.ts';
import { readWithJava } from './read-with-java.ts';
import { patched, unpatched, type KafkajsPackage } from './unpatched-kafkajs.ts';

const brokers = inject('kafkaBrokers');

/** As far as the test needs it: of src/protocol/encoder. */
interface Encoder {
  readonly buffer: Buffer;
  writeInt8(value: number): Encoder;
  writeInt16(value: number): Encoder;
  writeInt32(value: number): Encoder;
  writeString(value: string | null): Encoder;
  writeArray(values: readonly (Encoder | number)[]): Encoder;
}
const Encoder = patched.load('src/protocol/encoder') as new () => Encoder;

/** A Metadata response (v6) of a cluster of two nodes, `node-1` and `node-2`, with these leaders of the topic's partitions. */
function metadataResponse(request: ProxyFrame, topic: string, leaders: readonly number[]): Buffer {
  expect(request.apiVersion).toBe(6);
  const body = new Encoder()
    .writeInt32(request.correlationId)
    .writeInt32(0)
    .writeArray(
      [1, 2].map((node) =>
        new Encoder().writeInt32(node).writeString(`node-${node}`).writeInt32(9092).writeString(null),
      ),
    )
    .writeString('two-nodes')
    .writeInt32(1)
    .writeArray([
      new Encoder()
        .writeInt16(0)
        .writeString(topic)
        .writeInt8(0)
        .writeArray(
          leaders.map((leader, partition) =>
            new Encoder()
              .writeInt16(0)
              .writeInt32(partition)
              .writeInt32(leader)
              .writeArray([1, 2])
              .writeArray([1, 2])
              .writeArray([]),
          ),
        ),
    ]).buffer;
  return Buffer.concat([new Encoder().writeInt32(body.length).buffer, body]);
}

describe('a send to the leaders of two partitions, one of which dies', () => {
  it('writes to the new leader, even if that one has answered already', async () => {
    const prefix = `leaders-${randomUUID()}`;
    // Both nodes are the one broker, which leads all partitions and so accepts whatever either of them is sent.
    const produce = async (kafkajsPackage: KafkajsPackage, label: string) => {
      const topic = await createTestTopic(brokers, prefix, { partitions: 2 });
      let isNode2Dead = false;
      const startNode = (node: number) =>
        startKafkaProxy(brokers, {
          onRequest: ({ apiKey }) => {
            if (node !== 2 || apiKey !== API_KEY.produce) return 'forward';
            isNode2Dead = true;
            return 'reset';
          },
          onResponse: (frame) =>
            frame.apiKey === API_KEY.metadata
              ? { bytes: metadataResponse(frame, topic, isNode2Dead ? [1, 1] : [1, 2]) }
              : 'forward',
        });
      const [first, second] = await Promise.all([startNode(1), startNode(2)]);
      const producer = quietClient(kafkajsPackage, 'node-1:9092', {
        socketFactory: (target) => (target.host === 'node-2' ? second : first).socketFactory(target),
      }).producer({ idempotent: true });
      await producer.connect();
      const acknowledged = await producer.send({
        topic,
        messages: [0, 1].map((partition) => ({ value: `${label} ${partition}`, partition })),
      });
      await producer.disconnect();
      await Promise.all([first.close(), second.close()]);
      expect(isNode2Dead).toBe(true);
      return acknowledged.map(({ partition }) => partition).toSorted();
    };

    const [ours, published] = await Promise.all([produce(patched, 'ours'), produce(unpatched, 'published')]);
    const log = (await readWithJava(brokers, prefix)).toSorted();
    expect(ours).toEqual([0, 1]);
    expect(log.filter((value) => value.startsWith('ours'))).toEqual(['ours 0', 'ours 1']);
    // The send was acknowledged, its second message is nowhere.
    expect(published).toEqual([0]);
    expect(log.filter((value) => value.startsWith('published'))).toEqual(['published 0']);
  });
});
