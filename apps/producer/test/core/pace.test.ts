import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createRecordedPace, createSteadyPace } from '../../src/core/pace.ts';

describe('steady pace', () => {
  test.each([
    { rate: 1, elapsedMs: 0, due: 1 },
    { rate: 1, elapsedMs: 999, due: 1 },
    { rate: 1, elapsedMs: 1000, due: 2 },
    { rate: 0.5, elapsedMs: 1999, due: 1 },
    { rate: 100_000, elapsedMs: 1, due: 101 },
    { rate: 'max' as const, elapsedMs: 0, due: Infinity },
  ])('at rate $rate has $due clicks due after $elapsedMs ms', ({ rate, elapsedMs, due }) => {
    expect(createSteadyPace(rate).dueBy(elapsedMs)).toBe(due);
  });

  test.each([
    { rate: 1, durationMs: 30_000, clicks: 30 },
    { rate: 1, durationMs: 500, clicks: 1 },
    { rate: 0.1, durationMs: 15_000, clicks: 2 },
    { rate: 'max' as const, durationMs: 1, clicks: Infinity },
  ])('at rate $rate has $clicks clicks in $durationMs ms', ({ rate, durationMs, clicks }) => {
    expect(createSteadyPace(rate).dueWithin(durationMs)).toBe(clicks);
  });

  test('does not drift: what is due by the time a click is due is all clicks up to it, to one', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.001, max: 1e6, noNaN: true }),
        fc.integer({ min: 0, max: 1e9 }),
        (rate, index) => {
          const pace = createSteadyPace(rate);
          expect(Math.abs(pace.dueBy(pace.dueAtMs(index)) - (index + 1))).toBeLessThanOrEqual(1);
        },
      ),
    );
  });
});

describe('recorded pace', () => {
  test('spaces clicks as recorded, divided by the speed', () => {
    const dueAtMs = createRecordedPace(10);
    expect([5_000, 6_000, 6_000, 65_000].map(dueAtMs)).toEqual([0, 100, 100, 6_000]);
  });

  test('has a click older than the first one due at once, and does not hold up those after it', () => {
    const dueAtMs = createRecordedPace(1);
    expect([5_000, 4_000, 7_000].map(dueAtMs)).toEqual([0, 0, 2_000]);
  });

  test('has everything due at once at full speed', () => {
    expect([5_000, 6_000].map(createRecordedPace('max'))).toEqual([0, 0]);
  });
});
