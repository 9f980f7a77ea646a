import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseDuration } from '../../src/core/duration.ts';

describe('parseDuration', () => {
  test.each([
    ['0s', 0],
    ['250ms', 250],
    ['90s', 90_000],
    ['5m', 300_000],
    ['1.5h', 5_400_000],
    ['2d', 172_800_000],
    ['0.0015s', 1],
  ])('reads %s', (text, expected) => {
    expect(parseDuration(text)).toBe(expected);
  });

  test.each(['', '5', 'm', '5 m', '-5m', '5M', '1e3s', '1h30m', '.5h', '5.m', '5mm', '٣s', '9999999999s'])(
    'refuses %j and says what it wants',
    (text) => {
      expect(() => parseDuration(text)).toThrow(RangeError);
      expect(() => parseDuration(text)).toThrow(/such as 90s, 5m, 2h or 1d/);
    },
  );

  test('gives whole milliseconds in proportion to the number', () => {
    fc.assert(
      fc.property(fc.nat(999_999_999), fc.constantFrom('ms', 's', 'm', 'h', 'd'), (number, unit) => {
        expect(parseDuration(`${number}${unit}`)).toBe(number * parseDuration(`1${unit}`));
      }),
    );
  });
});
