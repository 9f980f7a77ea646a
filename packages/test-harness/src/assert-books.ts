import assert from 'node:assert/strict';
import type { DeadLetterReason } from '@clickstream/schema';
import { sumOfBooks, untilAllRead, type Books } from './newest-checkpoints.ts';
import { readDeadLetters } from './read-dead-letters.ts';
import type { TestTopics } from './test-topics.ts';

/** Dead letters of clicks that are counted; all others are rejected. */
const COUNTED_REASONS: readonly DeadLetterReason[] = ['late', 'missed', 'session-late'];

/**
 * Waits until all records of a test are read, then holds the books of each task against each other, against the dead
 * letters, and against what was written: no click has disappeared.
 *
 * @param written records written to the click topic.
 * @returns the books added up.
 * @throws AssertionError with what differs.
 */
export async function assertBooks(topics: TestTopics, written: number): Promise<Books> {
  const books = await untilAllRead(topics, written);
  for (const task of books) {
    const { read, received, counted, duplicate, rejected, forwarded } = task;
    const { windowed, late, sessioned, sessionLate } = task;
    assert.deepEqual(
      [read + received, counted, counted],
      [counted + duplicate + rejected + forwarded, windowed + late, sessioned + sessionLate],
      `books do not balance: ${JSON.stringify(task)}`,
    );
  }
  const sum = sumOfBooks(books);
  assert.deepEqual([sum.read, sum.forwarded], [written, sum.received]);

  const letters = await readDeadLetters(topics);
  const count = (reason: DeadLetterReason) => letters.filter((letter) => letter.reason === reason).length;
  assert.deepEqual(
    {
      rejected: letters.filter(({ reason }) => !COUNTED_REASONS.includes(reason)).length,
      late: count('late'),
      missed: count('missed'),
      sessionLate: count('session-late'),
    },
    { rejected: sum.rejected, late: sum.late, missed: sum.missed, sessionLate: sum.sessionLate },
  );
  // Each once. A topic made anew has other records at the same offsets, at another time.
  const origins = new Set(
    letters.map(
      ({ reason, topic, partition, offset, timestampMs }) =>
        `${reason} ${topic}/${partition}/${offset}/${timestampMs}`,
    ),
  );
  assert.equal(origins.size, letters.length);
  return sum;
}
