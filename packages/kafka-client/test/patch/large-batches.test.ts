import { describe, expect, inject, it } from 'vitest';
import { createTestTopic } from './create-test-topic.ts';
import { quietClient } from './quiet-client.ts';
import { readWithKafkajs } from './read-with-kafkajs.ts';
import { patched, unpatched, type KafkajsPackage } from './unpatched-kafkajs.ts';

const brokers = inject('kafkaBrokers');

describe('large batches', () => {
  it('a consumer survives a record batch of 200,000 records', async () => {
    const records = 200_000;
    const topic = await createTestTopic(brokers, 'large', { config: { 'max.message.bytes': '8000000' } });
    const producer = quietClient(patched, brokers).producer();
    await producer.connect();
    await producer.send({
      topic,
      messages: Array.from({ length: records }, () => ({ value: 'v', partition: 0 })),
    });
    await producer.disconnect();

    const ours = await readWithKafkajs(patched, brokers, topic);
    expect(ours).toMatchObject({ end: 'reached', position: records });
    expect(ours.messages).toHaveLength(records);

    const published = await readWithKafkajs(unpatched, brokers, topic);
    expect(published).toMatchObject({ end: 'crashed', messages: [] });
    expect(published.error?.message).toBe('Maximum call stack size exceeded');
  });

  it('groups messages by partition in linear time', () => {
    const messages = Array.from({ length: 10_000 }, (_, index) => ({
      value: String(index),
      partition: index % 2,
    }));
    const group = (kafkajsPackage: KafkajsPackage) => {
      const groupMessagesPerPartition = kafkajsPackage.load('src/producer/groupMessagesPerPartition') as (
        input: unknown,
      ) => Record<string, unknown[]>;
      const start = performance.now();
      const groups = groupMessagesPerPartition({
        topic: 'topic',
        partitionMetadata: [{ partitionId: 0 }, { partitionId: 1 }],
        messages,
        partitioner: ({ message }: { message: { partition: number } }) => message.partition,
      });
      return { groups, ms: performance.now() - start };
    };

    const published = group(unpatched);
    const ours = Array.from({ length: 5 }, () => group(patched));
    for (const { groups } of ours) expect(groups).toEqual(published.groups);
    expect(Math.min(...ours.map(({ ms }) => ms))).toBeLessThan(published.ms / 5);
  });
});
