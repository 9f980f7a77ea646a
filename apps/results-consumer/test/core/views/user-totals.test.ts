import { encodeRunningTotal, type RunningTotal } from '@clickstream/schema';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { UserTotals } from '../../../src/core/views/user-totals.ts';
import { recordOf } from './record-of.ts';

const NOW = 1_800_000_000_000;

function totalRecord(
  total: Partial<RunningTotal> & { userId: string },
  format: 'json' | 'sentence' = 'json',
) {
  const { key, value, headers } = encodeRunningTotal(
    { clicks: 1, lastClickAt: NOW, lastUrl: '/page1', ...total },
    format,
  );
  return recordOf(key, value, headers);
}

describe('the totals of all users', () => {
  test('know who is active also after the clock was ahead for a while', () => {
    const totals = new UserTotals(1);
    totals.apply(totalRecord({ userId: 'a' }), NOW);
    totals.apply(totalRecord({ userId: 'b', lastClickAt: NOW - 400_000 }), NOW);
    totals.apply(totalRecord({ userId: 'gone' }), NOW);
    totals.apply(recordOf('gone', null), NOW);
    expect(totals.activeUsers(NOW)).toBe(1);
    expect(totals.activeUsers(NOW + 3_600_000)).toBe(0);
    expect(totals.activeUsers(NOW + 1_000)).toBe(1);
    totals.apply(totalRecord({ userId: 'c' }), NOW + 3_600_000);
    totals.apply(totalRecord({ userId: 'b', clicks: 2 }), NOW + 2_000);
    expect(totals.activeUsers(NOW + 2_000)).toBe(3);
    expect(totals.activeUsers(NOW + 400_000)).toBe(0);
  });

  test('are those of the newest records, whatever their order and form', () => {
    const update = fc.record({
      userId: fc.constantFrom('a', 'b', 'ü', '"', 'with space', '\u202e', 'a@b', 'c'.repeat(256)),
      clicks: fc.integer({ min: 1, max: 50 }),
      lastClickAt: fc.integer({ min: NOW - 400_000, max: NOW + 10_000 }),
      lastUrl: fc.constantFrom('/page1', '/"quoted"', '/ü', `/${'long'.repeat(500)}`),
      format: fc.constantFrom<'json' | 'sentence'>('json', 'sentence'),
      isTombstone: fc.constantFrom(false, false, false, true),
    });
    fc.assert(
      fc.property(fc.array(update, { maxLength: 60 }), fc.integer(), (updates, seed) => {
        const totals = new UserTotals(seed);
        const model = new Map<string, RunningTotal>();
        for (const { format, isTombstone, ...total } of updates) {
          if (isTombstone) {
            totals.apply(recordOf(total.userId, null), NOW);
            model.delete(total.userId);
          } else {
            totals.apply(totalRecord(total, format), NOW);
            model.set(total.userId, total);
          }
        }
        const expected = [...model.values()];
        expect(totals.users).toBe(expected.length);
        expect(totals.clicks).toBe(expected.reduce((sum, { clicks }) => sum + clicks, 0));
        expect(totals.activeUsers(NOW)).toBe(
          expected.filter(({ lastClickAt }) => Math.floor(lastClickAt / 1_000) > NOW / 1_000 - 300).length,
        );
        const ranked = expected.toSorted(
          (a, b) => b.clicks - a.clicks || Buffer.compare(Buffer.from(a.userId), Buffer.from(b.userId)),
        );
        for (const count of [2, 5, 1])
          expect(totals.top(count)).toMatchObject(
            ranked
              .slice(0, count)
              .map(({ userId, clicks, lastClickAt }) => ({ userId, clicks, lastClickAt })),
          );
        for (const { userId, lastUrl } of expected) {
          const shown = totals.get(userId)?.lastUrl ?? '';
          if (lastUrl.length <= 256) expect(shown).toBe(lastUrl);
          else expect(shown).toBe(`${lastUrl.slice(0, 255)}…`);
        }
      }),
    );
  });

  test('know the busiest of many more than they rank', () => {
    const totals = new UserTotals(3);
    const clicksOf = (index: number) => 1 + ((index * 7_919) % 20_011);
    for (let index = 0; index < 20_000; index += 1) {
      totals.apply(totalRecord({ userId: `u${index}`, clicks: 1 }), NOW);
      totals.apply(totalRecord({ userId: `u${index}`, clicks: clicksOf(index) }), NOW);
    }
    const expected = Array.from({ length: 20_000 }, (_, index) => clicksOf(index)).sort((a, b) => b - a);
    for (const count of [20, 1_000, 20])
      expect(totals.top(count).map(({ clicks }) => clicks)).toEqual(expected.slice(0, count));
    // Somebody who was not among them moves up when one of them goes.
    const [first] = totals.top(1);
    totals.apply(recordOf(first?.userId ?? '', null), NOW);
    expect(totals.top(1_000).map(({ clicks }) => clicks)).toEqual(expected.slice(1, 1_001));
  });

  test('tell the time of a click that is later than the one before, once', () => {
    const totals = new UserTotals(1);
    expect(totals.apply(totalRecord({ userId: 'a', lastClickAt: 5 }), NOW)).toBe(5);
    expect(totals.apply(totalRecord({ userId: 'a', clicks: 2, lastClickAt: 5 }), NOW)).toBeUndefined();
    expect(totals.apply(totalRecord({ userId: 'a', clicks: 3, lastClickAt: 6 }), NOW)).toBe(6);
  });

  test.each([
    ['no JSON', recordOf('a', '{')],
    ['another user', recordOf('a', '{"userId":"b","clicks":1,"lastClickAt":1,"lastUrl":"/"}')],
    ['no key', recordOf(null, 'User a has clicked 1 times.')],
  ])('pass over %s', (_, record) => {
    const totals = new UserTotals(1);
    expect(totals.apply(record, NOW)).toBe('unreadable');
    expect({ users: totals.users, clicks: totals.clicks }).toEqual({ users: 0, clicks: 0 });
  });

  test('hold a million users, each with a url of 60 characters that nobody else was on, in 130 MB', () => {
    const totals = new UserTotals(1);
    const before = process.memoryUsage();
    const urlOf = (index: number) => `/products/page${index % 50}?from=mail-${index}&to=`.padEnd(60, 'x');
    for (let index = 0; index < 1_000_000; index += 1)
      totals.apply(totalRecord({ userId: `user-${index}`, lastUrl: urlOf(index) }), NOW);
    expect(totals.users).toBe(1_000_000);
    expect(totals.get('user-777777')?.lastUrl).toBe(urlOf(777_777));
    const { arrayBuffers } = process.memoryUsage();
    expect((arrayBuffers - before.arrayBuffers) / 1e6).toBeLessThan(130);
    expect(totals.top(1)).toHaveLength(1);
  });
});
