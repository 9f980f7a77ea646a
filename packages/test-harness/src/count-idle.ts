import { decodeClosedUntil, isClosedUntilKey } from '@clickstream/schema';
import { readCommitted } from './read-committed.ts';
import type { TestTopics } from './test-topics.ts';

/** How often idle time has closed a partition's last window. */
export async function countIdle(topics: TestTopics): Promise<number> {
  let idle = 0;
  for await (const record of readCommitted(topics, topics.pages)) {
    if (!isClosedUntilKey(record.key())) continue;
    const decoded = decodeClosedUntil(record.key(), record.value());
    if (decoded.status === 'decoded' && decoded.value.idle) idle++;
  }
  return idle;
}
