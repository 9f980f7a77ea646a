import { expect, inject, onTestFinished, test } from 'vitest';
import { createPartitionReader } from '../src/partition-reader.ts';
import { createTestTopic } from './patch/create-test-topic.ts';
import { testConnection } from './test-connection.ts';

const brokers = inject('kafkaBrokers');

test('knows the partitions of a topic first asked for while metadata of another is under way', async () => {
  const topics = await Promise.all(
    ['one', 'two', 'three', 'four'].map((prefix) => createTestTopic(brokers, prefix, { partitions: 2 })),
  );
  const reader = await createPartitionReader(testConnection(brokers));
  onTestFinished(() => reader.close());
  // Tasks start side by side, each asking for its own topics: every answer must be whole.
  for (let round = 0; round < 5; round++) {
    const bounds = await Promise.all(
      topics.flatMap((topic) => [0, 1].map((partition) => reader.logBounds(topic, partition))),
    );
    expect(bounds).toEqual(bounds.map(() => ({ start: 0n, end: 0n })));
  }
  await expect(reader.logBounds(topics[0] ?? '', 2)).rejects.toMatchObject({
    code: 'CLICKSTREAM_KAFKA_TOPIC_MISSING',
  });
});
