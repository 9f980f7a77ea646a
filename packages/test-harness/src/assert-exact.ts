import assert from 'node:assert/strict';
import { assertBooks } from './assert-books.ts';
import type { LoadAnswer } from './click-load.ts';
import type { TestTopics } from './test-topics.ts';
import type { Witness } from './witness.ts';

/**
 * Waits until all of a load is read, then holds the committed totals and the books against its answer.
 *
 * @param published `every` if one total per click was published: then each user's totals are 1, 2, 3, … and none is
 * missing, repeated or out of order. Otherwise they never decrease.
 * @throws AssertionError with what differs.
 */
export async function assertExact(
  witness: Pick<Witness, 'totals'>,
  topics: TestTopics,
  load: LoadAnswer,
  published: 'every' | 'coalesced' = 'every',
): Promise<void> {
  assert.equal(load.uncertain.records, 0, 'it is not known what was written');
  const books = await assertBooks(topics, load.written);
  const totals = await witness.totals(topics.id, load.answer);
  const last = new Map([...totals].map(([userId, list]) => [userId, list.at(-1) ?? 0]));
  assert.deepEqual(byUser(last), byUser(load.answer));
  for (const [userId, list] of totals)
    assert.deepEqual(
      list,
      published === 'every'
        ? Array.from({ length: list.length }, (_, index) => index + 1)
        : list.toSorted((a, b) => a - b),
      `the totals of ${userId}: ${list.join(' ')}`,
    );
  assert.deepEqual(
    [books.counted, books.duplicate, books.rejected],
    [load.written - load.malformed - load.repeated, load.repeated, load.malformed],
  );
}

function byUser(totals: ReadonlyMap<string, number>): Record<string, number> {
  return Object.fromEntries([...totals].sort(([a], [b]) => (a < b ? -1 : 1)));
}
