import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { jsonLine } from '../../src/core/json-line.ts';

describe('jsonLine', () => {
  test('is plain JSON where nothing is to be escaped', () => {
    expect(jsonLine({ userId: 'Zoë', clicks: 17 })).toBe('{"userId":"Zoë","clicks":17}');
  });

  test('escapes what a terminal would obey', () => {
    expect(jsonLine({ userId: '\u009b31m\u202e\u2028\u{e0041}\u007f' })).toBe(
      String.raw`{"userId":"\u009b31m\u202e\u2028\udb40\udc41\u007f"}`,
    );
  });

  test('is one printable line that parses to the same value', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), {
          noNullPrototype: true,
        }),
        (value) => {
          const line = jsonLine(value);
          expect(line).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u);
          expect(JSON.parse(line)).toEqual(JSON.parse(JSON.stringify(value)));
        },
      ),
    );
  });
});
