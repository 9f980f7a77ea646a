import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, inject, it } from 'vitest';
import type { Batch, FetchedPartition } from '#kafkajs';
import { createTestTopic } from './create-test-topic.ts';
import { quietClient } from './quiet-client.ts';
import { patched, unpatched } from './unpatched-kafkajs.ts';

const brokers = inject('kafkaBrokers');

describe('what the patch adds', () => {
  let topic: string;

  /** Offsets 0 committed, 1 marker, 2 aborted, 3 marker, 4 committed, 5 marker, 6 open. */
  beforeAll(async () => {
    topic = await createTestTopic(brokers, 'parts');
    const producer = quietClient(patched, brokers).producer({
      idempotent: true,
      transactionalId: randomUUID(),
    });
    await producer.connect();
    for (const [value, end] of [
      ['committed 0', 'commit'],
      ['aborted 2', 'abort'],
      ['committed 4', 'commit'],
      ['open 6', undefined],
    ] as const) {
      const transaction = await producer.transaction();
      await transaction.send({ topic, messages: [{ value, partition: 0 }] });
      if (end) await transaction[end]();
    }
    await producer.disconnect();
  });

  it('marks itself', () => {
    expect(patched.kafkajs.clickstreamPatch).toBe(1);
    expect(unpatched.kafkajs.clickstreamPatch).toBeUndefined();
  });

  it('reads a partition without a consumer group, as a consumer would', async () => {
    const cluster = quietClient(patched, brokers).cluster();
    await cluster.connect();
    await cluster.addTargetTopic(topic);
    const [nodeId] = Object.keys(cluster.findLeaderForPartitions(topic, [0]));
    const leader = await cluster.findBroker({ nodeId: nodeId! });
    const fetch = async (fetchOffset: string, isolationLevel: number): Promise<FetchedPartition> => {
      const { responses } = await leader.fetch({
        isolationLevel,
        topics: [{ topic, partitions: [{ partition: 0, fetchOffset, maxBytes: 1 << 20 }] }],
      });
      return responses[0]!.partitions[0]!;
    };

    const committed = await fetch('0', 1);
    expect(committed).toMatchObject({
      errorCode: 0,
      highWatermark: '7',
      lastStableOffset: '6',
      lastStartOffset: '0',
    });
    const batch = new patched.kafkajs.ConsumerBatch(topic, '0', committed);
    expect(batch.messages.map(({ value }) => String(value))).toEqual(['committed 0', 'committed 4']);
    expect(batch).toMatchObject({ fetchedOffset: '0', lastStableOffset: '6', lastCoveredOffset: '5' });
    expect(batch.lastOffset()).toBe('5');

    const markersOnly = new patched.kafkajs.ConsumerBatch(topic, '5', await fetch('5', 1));
    expect(markersOnly.isEmptyDueToFiltering()).toBe(true);
    expect(markersOnly.lastOffset()).toBe('5');

    const uncommitted = new patched.kafkajs.ConsumerBatch(topic, '2', await fetch('2', 0));
    expect(uncommitted.messages.map(({ offset }) => offset)).toEqual(['2', '4', '6']);

    const ends = async (isolationLevel: number) => {
      const { responses } = await leader.listOffsets({
        isolationLevel,
        topics: [{ topic, partitions: [{ partition: 0, timestamp: -1 }] }],
      });
      return responses[0]!.partitions[0]!.offset;
    };
    expect([await ends(0), await ends(1)]).toEqual(['7', '6']);
    expect(
      await cluster.fetchTopicsOffset([{ topic, partitions: [{ partition: 0 }], fromBeginning: false }]),
    ).toEqual([{ topic, partitions: [{ partition: 0, offset: '6' }] }]);
    await cluster.disconnect();
  });

  it('tells eachBatch where it was fetched, what is stable, and how far it reaches', async () => {
    const consume = async (kafkajsPackage: typeof patched) => {
      const consumer = quietClient(kafkajsPackage, brokers).consumer({ groupId: randomUUID() });
      await consumer.connect();
      await consumer.subscribe({ topics: [topic], fromBeginning: true });
      const first = await new Promise<Batch>((resolve) => {
        void consumer.run({
          autoCommit: false,
          eachBatch: ({ batch }) => {
            resolve(batch);
            return Promise.resolve();
          },
        });
      });
      await consumer.disconnect();
      return first;
    };

    const ours = await consume(patched);
    expect(ours).toMatchObject({ fetchedOffset: '0', lastStableOffset: '6', highWatermark: '7' });
    expect(ours.lastOffset()).toBe('5');
    const published = await consume(unpatched);
    expect(published.lastStableOffset).toBeUndefined();
    expect(published.lastCoveredOffset).toBeUndefined();
  });
});
