import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createRankSampler } from '../../src/core/rank-sampler.ts';

const unitInterval = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

test('draws a rank from 1 to the count for every random number', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 500 }),
      fc.double({ min: 0, max: 10, noNaN: true }),
      unitInterval,
      (count, exponent, random) => {
        const rank = createRankSampler(count, exponent)(random);
        expect(rank).toBeGreaterThanOrEqual(1);
        expect(rank).toBeLessThanOrEqual(count);
        expect(Number.isInteger(rank)).toBe(true);
      },
    ),
  );
});

test.each([
  [0, [25, 25, 25, 25]],
  [1, [48, 24, 16, 12]],
  [2, [70.2, 17.6, 7.8, 4.4]],
])('with exponent %d gives four ranks shares in proportion to 1 / rank ** exponent', (exponent, percent) => {
  const draw = createRankSampler(4, exponent);
  const counts = [0, 0, 0, 0];
  const draws = 10_000;
  for (let index = 0; index < draws; index++) counts[draw(index / draws) - 1]! += 1;
  percent.forEach((share, index) => {
    expect(counts[index]! / (draws / 100)).toBeCloseTo(share, 0);
  });
});
