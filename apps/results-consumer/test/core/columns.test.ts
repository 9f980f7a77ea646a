import { printable } from '@clickstream/schema';
import fc from 'fast-check';
import stringWidth from 'string-width';
import { expect, test } from 'vitest';
import { cutToWidth, inColumns } from '../../src/core/columns.ts';
import { GrowingColumn } from '../../src/core/growing-column.ts';

const text = fc.string({ unit: 'grapheme', maxLength: 60 }).map(printable);

test('a text takes exactly its columns, whatever its letters', () => {
  fc.assert(
    fc.property(
      text,
      fc.integer({ min: 1, max: 40 }),
      fc.constantFrom('left', 'right'),
      (given, width, align) => {
        expect(stringWidth(inColumns(given, width, align))).toBe(width);
        expect(stringWidth(cutToWidth(given, width))).toBeLessThanOrEqual(width);
        if (stringWidth(given) <= width) expect(inColumns(given, width, align).trim()).toBe(given.trim());
      },
    ),
  );
});

test.each([
  ['hello', 5, 'hello'],
  ['hello', 4, 'hel…'],
  ['日本語', 5, '日本…'],
  ['日本語', 4, '日…'],
  ['x'.repeat(10_000), 3, 'xx…'],
  ['x', 0, ''],
])('%j in %d columns is %j', (given, width, expected) => {
  expect(cutToWidth(given, width)).toBe(expected);
});

test('a growing column aligns what comes after its widest text', () => {
  const column = new GrowingColumn(4);
  expect(['a', 'abc', 'b', '日本', 'c', 'too wide', 'd'].map((each) => column.padding(each).length)).toEqual([
    0, 0, 2, 0, 3, 0, 3,
  ]);
});
