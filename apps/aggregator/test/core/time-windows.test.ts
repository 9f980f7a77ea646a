import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TimeWindows } from '../../src/core/time-windows.ts';

describe('the windows of an event time', () => {
  it.each([
    // size, advance, event time, first start, last start
    ['tumbling, at its start', 60, 60, 120, 120, 120],
    ['tumbling, at its last instant', 60, 60, 179, 120, 120],
    ['tumbling, at the epoch', 60, 60, 0, 0, 0],
    ['tumbling, before the epoch', 60, 60, -1, -60, -60],
    ['tumbling, at a start before the epoch', 60, 60, -60, -60, -60],
    ['hopping, at a start', 60, 20, 120, 80, 120],
    ['hopping, at the last instant of a step', 60, 20, 139, 80, 120],
    ['hopping, just after the epoch', 60, 20, 5, -40, 0],
    ['hopping, before the epoch', 60, 20, -5, -60, -20],
    ['one millisecond', 1, 1, 7, 7, 7],
    [
      'a minute at the end of the year 9999',
      60_000,
      60_000,
      253_402_300_799_999,
      253_402_300_740_000,
      253_402_300_740_000,
    ],
  ])('%s', (_, sizeMs, advanceMs, eventTime, firstStart, lastStart) => {
    const windows = new TimeWindows(sizeMs, advanceMs);
    expect(windows.firstStart(eventTime)).toBe(firstStart);
    expect(windows.lastStart(eventTime)).toBe(lastStart);
  });

  it('are exactly those that hold it', () => {
    const shapes = fc
      .tuple(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 1, max: 20 }))
      .map(([advanceMs, times]) => new TimeWindows(advanceMs * times, advanceMs));
    fc.assert(
      fc.property(shapes, fc.integer({ min: -1000, max: 1000 }), (windows, eventTime) => {
        const { sizeMs, advanceMs } = windows;
        const holding = [];
        for (let start = -advanceMs * Math.ceil(3000 / advanceMs); start <= eventTime; start += advanceMs)
          if (eventTime < start + sizeMs) holding.push(start);
        expect(windows.firstStart(eventTime)).toBe(holding[0]);
        expect(windows.lastStart(eventTime)).toBe(holding.at(-1));
        expect(holding).toHaveLength(sizeMs / advanceMs);
      }),
    );
  });
});

it.each([
  [0, 0],
  [59, 0],
  [60, 60],
  [61, 60],
  [-1, -60],
])('knows the last window end at or before %d: %d', (time, end) => {
  expect(new TimeWindows(120, 60).lastEnd(time)).toBe(end);
});

it.each([
  [60, 0],
  [60, 61],
  [60, 25],
  [60, -60],
  [60, Number.NaN],
])('refuses a size of %d and an advance of %d, naming both', (sizeMs, advanceMs) => {
  expect(() => new TimeWindows(sizeMs, advanceMs)).toThrow(
    `advanceMs ${advanceMs} does not divide sizeMs ${sizeMs}`,
  );
});
