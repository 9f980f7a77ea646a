import assert from 'node:assert/strict';
import { decodePageClicks, isClosedUntilKey, type PageClicks } from '@clickstream/schema';
import { readCommitted } from './read-committed.ts';
import type { TestTopics } from './test-topics.ts';

/**
 * The final results of all page windows, once all are closed.
 *
 * @throws AssertionError when a key has no final record, or any record after it.
 */
export async function readFinalPages(topics: TestTopics): Promise<PageClicks[]> {
  const newest = new Map<string, PageClicks>();
  for await (const record of readCommitted(topics, topics.pages)) {
    const key = record.key();
    if (isClosedUntilKey(key)) continue;
    const decoded = decodePageClicks(key, record.value());
    assert(decoded.status === 'decoded', `no result of a page window under ${String(key)}`);
    assert(!newest.get(String(key))?.final, `${String(key)} has a record after its final one`);
    newest.set(String(key), decoded.value);
  }
  for (const [key, { final }] of newest) assert(final, `${key} has no final record`);
  return [...newest.values()];
}
