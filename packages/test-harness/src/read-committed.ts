import type { RecordCursor } from '@clickstream/kafka-client';
import type { TestTopics } from './test-topics.ts';

/** Every committed record that a topic holds now, one partition after another. Read what is needed before the next. */
export async function* readCommitted(
  { reader }: TestTopics,
  topic: string,
): AsyncGenerator<RecordCursor, void> {
  const ends = await reader.endOffsets(topic);
  for (const [partition, to] of ends.entries())
    for await (const batch of reader.read({ topic, partition, from: 0n, to }))
      for (const record = batch.walk(); record.next();) yield record;
}
