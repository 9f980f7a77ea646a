import { randomUUID } from 'node:crypto';
import { describe, expect, inject, it } from 'vitest';
import { API_KEY, startKafkaProxy } from '@clickstream/local-kafka';
import { createTestTopic } from './create-test-topic.ts';
import { quietClient } from './quiet-client.ts';
import { readWithJava } from './read-with-java.ts';
import { patched, unpatched, type KafkajsPackage } from './unpatched-kafkajs.ts';

const brokers = inject('kafkaBrokers');

/** As far as the tests need it: of src/producer/eosManager. */
interface EosManager {
  initProducerId(): Promise<void>;
  getSequence(topic: string, partition: number): number;
  updateSequence(topic: string, partition: number, increment: number): void;
}

describe('a send', () => {
  it('keeps every message in its partition when it is repeated', async () => {
    const prefix = `repeated-${randomUUID()}`;
    // An odd number of messages without key over two partitions: choosing again, round robin, swaps them.
    const produce = async (kafkajsPackage: KafkajsPackage, label: string) => {
      const topic = await createTestTopic(brokers, prefix, { partitions: 2 });
      let lost = false;
      const proxy = await startKafkaProxy(brokers, {
        onResponse: ({ apiKey }) => {
          if (apiKey !== API_KEY.produce || lost) return 'forward';
          lost = true;
          return 'reset';
        },
      });
      const producer = quietClient(kafkajsPackage, brokers, { socketFactory: proxy.socketFactory }).producer({
        idempotent: true,
      });
      await producer.connect();
      const messages = ['a', 'b', 'c'].map((name) => ({ value: `${label} ${name}` }));
      const result = await producer.send({ topic, messages }).then(
        () => 'acknowledged',
        () => 'failed',
      );
      await producer.disconnect();
      await proxy.close();
      return result;
    };
    const [ours, published] = await Promise.all([produce(patched, 'ours'), produce(unpatched, 'published')]);
    const log = await readWithJava(brokers, prefix, 6);

    expect(ours).toBe('acknowledged');
    expect(log.filter((value) => value.startsWith('ours')).toSorted()).toEqual([
      'ours a',
      'ours b',
      'ours c',
    ]);
    // The broker has all three, but refuses the repetition: its sequence numbers belong to other messages.
    expect(published).toBe('failed');
  });

  it('to a partition that does not exist fails', async () => {
    const topic = await createTestTopic(brokers, 'no-such-partition');
    const produce = async (kafkajsPackage: KafkajsPackage) => {
      const producer = quietClient(kafkajsPackage, brokers).producer({ retry: { retries: 1 } });
      await producer.connect();
      try {
        return await producer.send({ topic, messages: [{ value: 'v', partition: 7 }] });
      } catch (error) {
        return error;
      } finally {
        await producer.disconnect();
      }
    };

    expect(await produce(patched)).toMatchObject({
      name: 'KafkaJSNumberOfRetriesExceeded',
      cause: { name: 'KafkaJSMetadataNotLoaded' },
    });
    // Acknowledged, and nowhere to be found.
    expect(await produce(unpatched)).toEqual([]);
  });

  it('goes on at sequence number 0 after the greatest, as the broker expects it', async () => {
    const sequenceAfterMaximum = async (kafkajsPackage: KafkajsPackage) => {
      const createEosManager = kafkajsPackage.load('src/producer/eosManager') as (
        options: unknown,
      ) => EosManager;
      const kafka = quietClient(kafkajsPackage, brokers);
      const cluster = clusterOf(kafka);
      await cluster.connect();
      const eosManager = createEosManager({ logger: kafka.logger(), cluster, transactional: false });
      await eosManager.initProducerId();
      eosManager.updateSequence('topic', 0, 2 ** 31 - 2);
      // The second record of these five has number 2^31 - 1, the third 0.
      eosManager.updateSequence('topic', 0, 5);
      const after = eosManager.getSequence('topic', 0);
      eosManager.updateSequence('topic', 0, -5);
      const before = eosManager.getSequence('topic', 0);
      await cluster.disconnect();
      return { after, before };
    };

    expect(await sequenceAfterMaximum(patched)).toEqual({ after: 3, before: 2 ** 31 - 2 });
    expect(await sequenceAfterMaximum(unpatched)).toEqual({ after: 0, before: -5 });
  });
});

/** The published package has no `cluster()`; the private method that ours calls is the same in both. */
function clusterOf(kafka: object): { connect(): Promise<void>; disconnect(): Promise<void> } {
  const symbol = Object.getOwnPropertySymbols(kafka).find(
    ({ description }) => description === 'private:Kafka:createCluster',
  );
  if (!symbol) throw new Error('kafkajs has no createCluster');
  const createCluster = Reflect.get(kafka, symbol) as (options: object) => ReturnType<typeof clusterOf>;
  return createCluster({ metadataMaxAge: 300_000 });
}
