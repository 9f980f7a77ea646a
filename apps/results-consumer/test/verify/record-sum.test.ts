import { describe, expect, it } from 'vitest';
import type { RecordOrigin } from '../../src/verify/record-origin.ts';
import { RecordSum } from '../../src/verify/record-sum.ts';

const T = 1_700_000_000_000;

function sumOf(...origins: readonly (RecordOrigin | undefined)[]): RecordSum {
  const sum = new RecordSum();
  for (const origin of origins) sum.add(origin);
  return sum;
}

const at = (partition: number, offset: number, ingestTime = T): RecordOrigin => ({
  partition,
  offset,
  ingestTime,
});

describe('the sum of records', () => {
  it('is the same in any order', () => {
    const origins = Array.from({ length: 50 }, (_, number) => at(number % 3, number, T + number));
    expect(sumOf(...origins).equals(sumOf(...origins.toReversed()))).toBe(true);
  });

  it.each([
    ['another partition', [at(0, 1), at(1, 2)], [at(0, 1), at(0, 2)]],
    ['another offset', [at(0, 1), at(0, 2)], [at(0, 1), at(0, 3)]],
    ['an offset 2^32 greater', [at(0, 1)], [at(0, 1 + 2 ** 32)]],
    ['another time', [at(0, 1)], [at(0, 1, T + 1)]],
    ['no time', [at(0, 1, 0)], [at(0, 1, -1)]],
    ['offsets in place of each other', [at(0, 1, T), at(1, 2, T)], [at(0, 2, T), at(1, 1, T)]],
    ['offsets that add up to the same', [at(0, 1), at(0, 4)], [at(0, 2), at(0, 3)]],
    ['one of them twice', [at(0, 1), at(0, 2)], [at(0, 1), at(0, 1)]],
    ['one of them not known', [at(0, 1), at(0, 2)], [at(0, 1), undefined]],
    ['one more', [at(0, 1)], [at(0, 1), undefined]],
  ])('is another one with %s', (_, some, others) => {
    expect(sumOf(...some).equals(sumOf(...others))).toBe(false);
  });

  it('differs for places that are near each other', () => {
    const sums: RecordSum[] = [];
    for (let offset = 0; offset < 1_000; offset++) {
      const sum = sumOf(at(0, offset), at(0, 1_999 - offset));
      expect(sums.some((other) => sum.equals(other))).toBe(false);
      sums.push(sum);
    }
  });
});
