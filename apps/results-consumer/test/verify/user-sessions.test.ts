import fc from 'fast-check';
import { expect, test } from 'vitest';
import { UserSessions, type SessionRecord } from '../../src/verify/user-sessions.ts';

const GAP_MS = 10;

test('clicks are one visit if each is less than the gap after the one before, in whatever order they come', () => {
  const times = fc.uniqueArray(fc.integer({ min: 0, max: 200 }), { minLength: 2, maxLength: 30 });
  fc.assert(
    fc.property(times, (timestamps) => {
      const sessions = new UserSessions();
      for (const timestamp of timestamps) sessions.count(timestamp, '/', 0, GAP_MS);
      const sorted = timestamps.toSorted((one, other) => one - other);
      for (const [index, start] of sorted.entries())
        for (const [more, end] of sorted.slice(index).entries()) {
          const between = sorted.slice(index, index + more + 1);
          const isOne = between.every((time, at) => at === 0 || time - (between[at - 1] ?? 0) < GAP_MS);
          expect(sessions.isOneVisit(start, end)).toBe(isOne);
        }
      expect(sessions.uncovered).toBe(timestamps.length);
    }),
  );
});

function recordUntil(end: number, clicks: number): SessionRecord {
  return { end, clicks, entryUrl: '/', exitUrl: '/', isFinal: true };
}

test('a click belongs to the last session that began before it and reaches it, and if there is none to none', () => {
  const sessions = new UserSessions();
  for (const [start, end] of [
    [300, 310],
    [100, 400],
    [200, 210],
    [500, 500],
  ] as const)
    sessions.ofKey(start).published = recordUntil(end, 1);
  sessions.ofKey(220).published = undefined;
  for (const timestamp of [99, 100, 205, 211, 305, 311, 400, 401, 500, 501])
    sessions.count(timestamp, '/', 0, GAP_MS);
  expect(sessions.inForce.map(({ start, clicks }) => [start, clicks])).toEqual([
    [100, 4],
    [200, 1],
    [300, 1],
    [500, 1],
  ]);
  expect([sessions.uncovered, sessions.firstUncovered]).toEqual([3, 99]);
});

test('a hundred thousand sessions of one user are no more work than those of many', () => {
  const count = 100_000;
  const before = process.cpuUsage();
  const starts = Array.from({ length: count }, (_, index) => index * 2 * GAP_MS);
  const sessions = new UserSessions();
  for (const start of starts) sessions.ofKey(start).published = recordUntil(start, 1);
  for (const start of starts) sessions.count(start, '/', 0, GAP_MS);
  // Clicks that no session covers are looked for as well.
  for (const start of starts) sessions.count(start + GAP_MS / 2, '/', 0, GAP_MS);
  expect(
    sessions.inForce.filter(({ start, clicks }) => sessions.isOneVisit(start, start) && clicks === 1),
  ).toHaveLength(count);
  expect(sessions.uncovered).toBe(count);
  const { user, system } = process.cpuUsage(before);
  // It takes 0.2 s; searching all of them for each took some minutes.
  expect((user + system) / 1e6).toBeLessThan(2);
});

test.for([
  ['within a visit', [100, 109, 118], 112, 105, true],
  ['just after one', [100], 109, 109, true],
  ['the gap after one', [100], 110, 105, false],
  ['just before one that it may begin', [100], 91, 100, true],
  ['just before one, where another may be closed', [100], 91, 101, false],
  ['after one that is closed', [100], 105, 110, false],
  ['within two that a click brought together', [100, 118, 109], 112, 105, false],
] as const)(
  'a click %s is in an open session or may be none: %j, %i with those closed that ended at %i: %s',
  ([, timestamps, timestamp, closeTime, isOpen]) => {
    const sessions = new UserSessions();
    for (const time of timestamps) sessions.count(time, '/', 0, GAP_MS);
    expect(sessions.isOpenAt(timestamp, 0, closeTime, GAP_MS)).toBe(isOpen);
    sessions.count(1_000, '/', 1, GAP_MS);
    expect(sessions.isOpenAt(timestamp, 0, closeTime, GAP_MS)).toBe(false);
  },
);
