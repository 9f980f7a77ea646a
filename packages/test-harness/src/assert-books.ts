import assert from 'node:assert/strict';
import type { DeadLetterReason } from '@clickstream/schema';
import { sumOfBooks, untilReadCheckpoints, type Books, type NewestCheckpoint } from './newest-checkpoints.ts';
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
  const checkpoints = await untilReadCheckpoints(topics, written);
  const books = [...checkpoints.values()].map((checkpoint) => checkpoint.books);
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
  assertPairs(checkpoints);

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

/**
 * What tasks have received from a task is what it has forwarded, and nothing else was received.
 *
 * @throws AssertionError with what differs.
 */
function assertPairs(checkpoints: ReadonlyMap<number, NewestCheckpoint>): void {
  const receivedFrom = new Map<number, number>();
  for (const [home, { receivedFrom: from, books }] of checkpoints) {
    // Begun by an older version, which did not tell them apart.
    if (!from) return;
    const origins = Object.entries(from);
    const received = origins.reduce((sum, [, clicks]) => sum + clicks, 0);
    assert.equal(received, books.received, `received by partition ${home}: ${JSON.stringify(from)}`);
    assert.ok(!(home in from), `partition ${home} received what it forwarded itself`);
    for (const [origin, clicks] of origins)
      receivedFrom.set(Number(origin), (receivedFrom.get(Number(origin)) ?? 0) + clicks);
  }
  for (const [origin, { books }] of checkpoints)
    assert.equal(receivedFrom.get(origin) ?? 0, books.forwarded, `forwarded by partition ${origin}`);
}
