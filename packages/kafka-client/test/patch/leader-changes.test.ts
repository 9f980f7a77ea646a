import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, inject, it } from 'vitest';
import { API_KEY, startKafkaProxy, type ProxyFrame } from '@clickstream/local-kafka';
import { createTestTopic } from './create-test-topic.ts';
import { quietClient } from './quiet-client.ts';
import { readWithJava } from './read-with-java.ts';
import { patched, unpatched, type KafkajsPackage } from './unpatched-kafkajs.ts';

const brokers = inject('kafkaBrokers');
/** Short, because a test waits for it. */
const REQUEST_TIMEOUT_MS = 500;
const INVALID_RECORD = 87;

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

/**
 * Sends one message to each of two partitions, whose leaders are two nodes, the second of which is lost on receiving
 * its message; from then on the first leads both. The nodes are one broker, which accepts whatever either is sent.
 * @returns what `send` answered: the partitions acknowledged, or its error.
 */
async function loseLeader(
  kafkajsPackage: KafkajsPackage,
  prefix: string,
  label: string,
  fate: 'reset' | 'drop',
): Promise<unknown> {
  const topic = await createTestTopic(brokers, prefix, { partitions: 2 });
  let isNode2Lost = false;
  const startNode = (node: number) =>
    startKafkaProxy(brokers, {
      onRequest: ({ apiKey }) => {
        if (node !== 2 || apiKey !== API_KEY.produce) return 'forward';
        isNode2Lost = true;
        return fate;
      },
      onResponse: (frame) =>
        frame.apiKey === API_KEY.metadata
          ? { bytes: metadataResponse(frame, topic, isNode2Lost ? [1, 1] : [1, 2]) }
          : 'forward',
    });
  const [first, second] = await Promise.all([startNode(1), startNode(2)]);
  const producer = quietClient(kafkajsPackage, 'node-1:9092', {
    requestTimeout: REQUEST_TIMEOUT_MS,
    socketFactory: (target) => (target.host === 'node-2' ? second : first).socketFactory(target),
  }).producer({ idempotent: true, retry: { retries: 3 } });
  await producer.connect();
  try {
    const acknowledged = await producer.send({
      topic,
      messages: [0, 1].map((partition) => ({ value: `${label} ${partition}`, partition })),
    });
    return acknowledged.map(({ partition }) => partition).toSorted();
  } catch (error) {
    return error;
  } finally {
    expect(isNode2Lost).toBe(true);
    await producer.disconnect();
    await Promise.all([first.close(), second.close()]);
  }
}

describe('a send to the leaders of two partitions', () => {
  it('writes to the new leader of one that dies, even if that has answered already', async () => {
    const prefix = `dead-leader-${randomUUID()}`;
    const [ours, published] = await Promise.all([
      loseLeader(patched, prefix, 'ours', 'reset'),
      loseLeader(unpatched, prefix, 'published', 'reset'),
    ]);
    const log = (await readWithJava(brokers, prefix, 3)).toSorted();
    expect(ours).toEqual([0, 1]);
    expect(log.filter((value) => value.startsWith('ours'))).toEqual(['ours 0', 'ours 1']);
    // The send was acknowledged, its second message is nowhere.
    expect(published).toEqual([0]);
    expect(log.filter((value) => value.startsWith('published'))).toEqual(['published 0']);
  });

  it('fails only when neither of them is at work on it any more', async () => {
    const isAtWork = async (kafkajsPackage: KafkajsPackage) => {
      const topic = await createTestTopic(brokers, 'slow-leader', { partitions: 2 });
      let atWork = false;
      const { promise: begun, resolve: begin } = Promise.withResolvers<undefined>();
      const startNode = (node: number) =>
        startKafkaProxy(brokers, {
          onResponse: async (frame) => {
            if (frame.apiKey === API_KEY.metadata) return { bytes: metadataResponse(frame, topic, [1, 2]) };
            if (frame.apiKey !== API_KEY.produce) return 'forward';
            if (node === 1) {
              atWork = true;
              begin(undefined);
              await delay(REQUEST_TIMEOUT_MS);
              atWork = false;
              return 'forward';
            }
            await begun;
            // Behind the name stand a count of one, the partition's number and its error code.
            frame.bytes.writeInt16BE(INVALID_RECORD, frame.bytes.indexOf(topic) + topic.length + 8);
            return { bytes: frame.bytes };
          },
        });
      const [first, second] = await Promise.all([startNode(1), startNode(2)]);
      const producer = quietClient(kafkajsPackage, 'node-1:9092', {
        socketFactory: (target) => (target.host === 'node-2' ? second : first).socketFactory(target),
      }).producer({ idempotent: true });
      await producer.connect();
      const messages = [0, 1].map((partition) => ({ value: 'v', partition }));
      await expect(producer.send({ topic, messages })).rejects.toMatchObject({ type: 'INVALID_RECORD' });
      const result = atWork;
      await producer.disconnect();
      await Promise.all([first.close(), second.close()]);
      return result;
    };
    const [ours, published] = await Promise.all([isAtWork(patched), isAtWork(unpatched)]);
    expect(ours).toBe(false);
    // What was sent next, or the next attempt, overlapped with it.
    expect(published).toBe(true);
  });

  it('looks for the new leader of one that falls silent', async () => {
    const [ours, published] = await Promise.all([
      loseLeader(patched, 'silent-leader', 'ours', 'drop'),
      loseLeader(unpatched, 'silent-leader', 'published', 'drop'),
    ]);
    expect(ours).toEqual([0, 1]);
    // Every attempt went to the old one.
    expect(published).toMatchObject({ cause: { name: 'KafkaJSRequestTimeoutError' } });
  });
});
