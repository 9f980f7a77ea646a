import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { printable } from '@clickstream/schema';

describe('printable', () => {
  it.each([
    ['/page3?q=a b', '/page3?q=a b'],
    ['Zoë 日本 🚀', 'Zoë 日本 🚀'],
    ['\\x1b', '\\x1b'],
    ['\u001b[2J', '\\x1b[2J'],
    ['\u001b]0;title\u0007', '\\x1b]0;title\\x07'],
    ['\u009b31m', '\\x9b31m'],
    ['a\r\nb\tc\0', 'a\\x0d\\x0ab\\x09c\\x00'],
    ['\u007f', '\\x7f'],
    ['\u202egnp.exe', '\\u202egnp.exe'],
    ['\u2066a\u2069', '\\u2066a\\u2069'],
    ['\u061c', '\\u061c'],
    ['\u2028', '\\u2028'],
    ['a\u200bb', 'a\\u200bb'],
    ['\u3164\u115f\u1160\uffa0', '\\u3164\\u115f\\u1160\\uffa0'],
    ['\u2800', '\\u2800'],
    ['a\u034f\ufe0f', 'a\\u034f\\ufe0f'],
    ['a\u00a0\u2003b', 'a\\xa0\\u2003b'],
    ['山\u3000田', '山\u3000田'],
    ['\u{e0041}', '\\u{e0041}'],
    ['\ud800', '\\ud800'],
  ])('shows %j as %s', (text, shown) => {
    expect(printable(text)).toBe(shown);
  });

  it('leaves nothing that a terminal would act upon', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(printable(text)).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u);
      }),
    );
  });
});
