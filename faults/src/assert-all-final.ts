import assert from 'node:assert/strict';
import { decodeUserSession } from '@clickstream/schema';
import {
  readCommitted,
  readDeadLetters,
  readFinalPages,
  untilAllClosed,
  type Books,
  type TestTopics,
} from '@clickstream/test-harness';
import { LIVELY_OVERLAP } from './lively.ts';

/**
 * Waits until idle time has closed every window and session, then holds what their final results add up to against the
 * books.
 *
 * @returns how many windows' results there are.
 * @throws AssertionError with what differs, or when a window's result has no final record, or one after it.
 */
export async function assertAllFinal(topics: TestTopics, books: Books): Promise<number> {
  await untilAllClosed(topics, books.read);
  const pages = await readFinalPages(topics);
  const missed = (await readDeadLetters(topics)).reduce(
    (sum, { missedWindows }) => sum + (missedWindows?.length ?? 0),
    0,
  );
  const sessions = new Map<string, number>();
  for await (const record of readCommitted(topics, topics.sessions)) {
    const [key, value] = [record.key(), record.value()];
    if (value === null) {
      sessions.delete(String(key));
      continue;
    }
    const decoded = decodeUserSession(key, value);
    assert(decoded.status === 'decoded', `no session under ${String(key)}`);
    sessions.set(String(key), decoded.value.clicks);
  }
  assert.deepEqual(
    {
      inWindows: pages.reduce((sum, { clicks }) => sum + clicks, 0),
      inSessions: [...sessions.values()].reduce((sum, clicks) => sum + clicks, 0),
    },
    { inWindows: books.windowed * LIVELY_OVERLAP - missed, inSessions: books.sessioned },
    'final results do not add up to the books',
  );
  return pages.length;
}
