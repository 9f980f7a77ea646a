import { describe, expect, test } from 'vitest';
import {
  chartSpan,
  chartTop,
  fullSeconds,
  runningMean,
  summariseRate,
} from '../../web/state/rate-summary.ts';

test('leaves out the second that is not over', () => {
  expect(
    fullSeconds([
      [1, 5],
      [2, 1],
    ]),
  ).toEqual([[1, 5]]);
  expect(fullSeconds([])).toEqual([]);
});

test('finds the busiest second and the mean', () => {
  const seconds = [
    [1, 2],
    [2, 9],
    [3, 1],
  ] as const;
  expect(summariseRate(seconds)).toEqual({ peak: [2, 9], mean: 4, since: 1 });
  expect(summariseRate([])).toBeUndefined();
  expect(summariseRate([[0, 0], ...seconds, [4, 0]])).toMatchObject({ mean: 3, since: 1 });
  expect(summariseRate([[0, 0]])).toEqual({ peak: [0, 0], mean: 0, since: 0 });
});

test('means over the seconds that there are', () => {
  expect(runningMean([2, 4, 6, 0], 3)).toEqual([2, 3, 4, 10 / 3]);
});

test('begins with a short time and grows to the whole window', () => {
  const seconds = (count: number) =>
    Array.from({ length: count }, (_, second): [number, number] => [second, 0]);
  expect([0, 119, 120, 300, 899].map((count) => chartSpan(seconds(count), 900))).toEqual([
    120, 120, 300, 900, 900,
  ]);
});

describe('the top of the chart', () => {
  const series = (clicksOf: (second: number) => number) =>
    Array.from({ length: 900 }, (_, second): [number, number] => [second, clicksOf(second)]);

  test('is over everything, in ordinary traffic', () => {
    expect(chartTop(series((second) => 100 + (second % 60)))).toBeCloseTo(1.1 * 159);
    expect(chartTop([])).toBe(4);
    expect(chartTop([[1, 10]])).toBeCloseTo(11);
  });

  test('leaves out a spike, which would flatten all the rest', () => {
    const top = chartTop(series((second) => (second === 700 ? 447 : 30)));
    expect(top).toBeGreaterThan(30);
    expect(top).toBeLessThan(100);
  });

  test('takes in what lasts, and clicks that come seldom', () => {
    expect(chartTop(series((second) => (second < 870 ? 50 : 5_000)))).toBeCloseTo(5_500);
    expect(chartTop(series((second) => (second % 100 === 0 ? 7 : 0)))).toBeCloseTo(7.7);
  });
});
