import { randomUUID } from 'node:crypto';
import { describe, expect, inject, it } from 'vitest';
import type { Offsets } from '#kafkajs';
import { API_KEY, startKafkaProxy, type ProxyFrame } from '@clickstream/local-kafka';
import { createTestTopic } from './create-test-topic.ts';
import { quietClient } from './quiet-client.ts';
import { patched, unpatched, type KafkajsPackage } from './unpatched-kafkajs.ts';

const brokers = inject('kafkaBrokers');
const NOT_COORDINATOR = 16;

const offsets = (topic: string, offset: number): Offsets & { consumerGroupId: string } => ({
  consumerGroupId: `group of ${topic}`,
  topics: [{ topic, partitions: [{ partition: 0, offset: String(offset) }] }],
});

describe('a transactional producer', () => {
  it('waits while the markers of the transaction before are still being written', async () => {
    const topic = await createTestTopic(brokers, 'back-to-back', { partitions: 4 });
    const failures = async (kafkajsPackage: KafkajsPackage) => {
      const producer = quietClient(kafkajsPackage, brokers).producer({
        idempotent: true,
        maxInFlightRequests: 1,
        transactionalId: randomUUID(),
      });
      await producer.connect();
      const errors: unknown[] = [];
      for (let index = 0; index < 30; index++) {
        const transaction = await producer.transaction();
        try {
          await transaction.sendOffsets(offsets(topic, index));
          await transaction.send({
            topic,
            messages: [0, 1, 2, 3].map((partition) => ({ value: 'v', partition })),
          });
          await transaction.commit();
        } catch (error) {
          errors.push(error);
          await transaction.abort();
        }
      }
      await producer.disconnect();
      return errors;
    };

    expect(await failures(patched)).toEqual([]);
    const published = await failures(unpatched);
    expect(published).not.toEqual([]);
    for (const error of published)
      expect(error).toMatchObject({
        message: expect.stringMatching(/concurrent|ongoing transaction/i) as unknown,
      });
  });

  it('marks partitions that it was only told of, and decides nothing of others', async () => {
    const topic = await createTestTopic(brokers, 'told-of', { partitions: 3 });
    const client = quietClient(patched, brokers);
    const create = () =>
      client.producer({ idempotent: true, maxInFlightRequests: 1, transactionalId: randomUUID() });
    const [producer, other] = [create(), create()];
    await Promise.all([producer.connect(), other.connect()]);
    const open = await other.transaction();
    await open.send({ topic, messages: [{ value: 'of another', partition: 0 }] });
    const transaction = await producer.transaction();
    await transaction.addPartitions([{ topic, partitions: [0, 2] }]);
    await transaction.abort();
    // It begins when the markers of the one before are written.
    const next = await producer.transaction();
    await next.sendOffsets(offsets(topic, 1));
    await next.abort();
    const admin = client.admin();
    await admin.connect();
    /** Of what is decided. */
    const ends = async () => {
      const found = await admin.fetchTopicOffsets(topic);
      return [0, 1, 2].map((at) => found.find(({ partition }) => partition === at)?.high);
    };
    expect(await ends()).toEqual(['0', '0', '1']);
    await open.commit();
    // The record of the other, our marker and the other's.
    await expect.poll(ends).toEqual(['3', '0', '1']);
    await Promise.all([producer.disconnect(), other.disconnect(), admin.disconnect()]);
  });

  it('finds the coordinator of the group again after it has moved', async () => {
    const topic = await createTestTopic(brokers, 'moved');
    const sendOffsets = async (kafkajsPackage: KafkajsPackage) => {
      let moved = false;
      const proxy = await startKafkaProxy(brokers, {
        onResponse: ({ apiKey, bytes }: ProxyFrame) => {
          if (apiKey !== API_KEY.txnOffsetCommit || moved) return 'forward';
          moved = true;
          // The response to one partition ends with its error code.
          bytes.writeInt16BE(NOT_COORDINATOR, bytes.length - 2);
          return { bytes };
        },
      });
      const producer = quietClient(kafkajsPackage, brokers, { socketFactory: proxy.socketFactory }).producer({
        idempotent: true,
        transactionalId: randomUUID(),
      });
      await producer.connect();
      const transaction = await producer.transaction();
      try {
        await transaction.sendOffsets(offsets(topic, 1));
        await transaction.commit();
        return 'committed';
      } catch (error) {
        await transaction.abort();
        return error;
      } finally {
        await producer.disconnect();
        await proxy.close();
      }
    };

    expect(await sendOffsets(patched)).toBe('committed');
    expect(await sendOffsets(unpatched)).toMatchObject({ type: 'NOT_COORDINATOR_FOR_GROUP' });
  });

  it('looks its coordinators up once, not for every step of every transaction', async () => {
    const topic = await createTestTopic(brokers, 'look-ups');
    const lookUps = async (kafkajsPackage: KafkajsPackage) => {
      let count = 0;
      const proxy = await startKafkaProxy(brokers, {
        onRequest: ({ apiKey }: ProxyFrame) => {
          if (apiKey === API_KEY.findCoordinator) count++;
          return 'forward';
        },
      });
      const producer = quietClient(kafkajsPackage, brokers, { socketFactory: proxy.socketFactory }).producer({
        idempotent: true,
        transactionalId: randomUUID(),
      });
      await producer.connect();
      for (let index = 0; index < 3; index++) {
        const transaction = await producer.transaction();
        await transaction.send({ topic, messages: [{ value: 'v', partition: 0 }] });
        await transaction.sendOffsets(offsets(topic, index));
        await transaction.commit();
      }
      await producer.disconnect();
      await proxy.close();
      return count;
    };

    // One for the transaction's coordinator, one for the group's.
    expect(await lookUps(patched)).toBe(2);
    expect(await lookUps(unpatched)).toBeGreaterThan(10);
  });

  it('fences an owner with an open transaction at the pace of the configured retry', async () => {
    const topic = await createTestTopic(brokers, 'take-over');
    // Not once: then the open transaction, which the broker must abort first, makes the take-over fail.
    const retry = { initialRetryTime: 1, retries: 0 };
    const takeOver = async (kafkajsPackage: KafkajsPackage) => {
      const transactionalId = randomUUID();
      const openProducer = async (config: { retry?: typeof retry } = {}) => {
        const producer = quietClient(kafkajsPackage, brokers, config).producer({
          idempotent: true,
          transactionalId,
          retry: { retries: 5 },
        });
        await producer.connect();
        return producer;
      };
      const owner = await openProducer();
      const open = await owner.transaction();
      await open.send({ topic, messages: [{ value: 'open', partition: 0 }] });
      const heir = await openProducer({ retry });
      try {
        const transaction = await heir.transaction();
        await transaction.abort();
        return 'taken over';
      } catch (error) {
        return error;
      } finally {
        await Promise.all([owner.disconnect(), heir.disconnect()]);
      }
    };

    expect(await takeOver(patched)).toMatchObject({
      name: 'KafkaJSNumberOfRetriesExceeded',
      cause: { type: 'CONCURRENT_TRANSACTIONS' },
    });
    // Paid no attention to it: 300 ms and more between attempts.
    expect(await takeOver(unpatched)).toBe('taken over');
  });
});
