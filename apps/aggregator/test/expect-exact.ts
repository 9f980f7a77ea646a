import { expect } from 'vitest';
import type { ClickLoad } from './click-load.ts';
import { readDeadLetters } from './read-dead-letters.ts';
import { sumOfBooks, untilAllRead } from './newest-checkpoints.ts';
import type { TestTopics } from './test-topics.ts';
import type { Witness } from './witness.ts';

/**
 * Waits until all of a load is read, then holds the committed totals and the books against its answer.
 *
 * @param published `every` if one total per click was published: then each user's totals are 1, 2, 3, … and none is
 * missing, repeated or out of order. Otherwise they never decrease.
 */
export async function expectExact(
  witness: Witness,
  topics: TestTopics,
  load: ClickLoad,
  published: 'every' | 'coalesced' = 'every',
): Promise<void> {
  const books = await untilAllRead(topics, load.written);
  const totals = await witness.totals(topics.id, load.answer);
  const last = new Map([...totals].map(([userId, list]) => [userId, list.at(-1) ?? 0]));
  expect(byUser(last)).toEqual(byUser(load.answer));
  for (const [userId, list] of totals)
    expect(list, userId).toEqual(
      published === 'every'
        ? Array.from({ length: list.length }, (_, index) => index + 1)
        : list.toSorted((a, b) => a - b),
    );
  for (const { read, received, counted, rejected, forwarded } of books)
    expect(read + received).toBe(counted + rejected + forwarded);
  const { read, counted, rejected, forwarded, received } = sumOfBooks(books);
  expect({ read, counted, rejected, forwarded }).toEqual({
    read: load.written,
    counted: load.written - load.malformed,
    rejected: load.malformed,
    forwarded: received,
  });
  // Each rejected record once. A topic made anew has other records at the same offsets, at another time.
  const letters = await readDeadLetters(topics);
  const origins = new Set(
    letters.map(
      ({ topic, partition, offset, timestampMs }) => `${topic}/${partition}/${offset}/${timestampMs}`,
    ),
  );
  expect([letters.length, origins.size]).toEqual([load.malformed, load.malformed]);
}

function byUser(totals: ReadonlyMap<string, number>): Record<string, number> {
  return Object.fromEntries([...totals].sort(([a], [b]) => (a < b ? -1 : 1)));
}
