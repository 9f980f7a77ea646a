import fc from 'fast-check';
import { expect, test } from 'vitest';
import { UserSessions } from '../../src/verify/user-sessions.ts';

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
