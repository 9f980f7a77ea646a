import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ByteTable } from '../../../src/core/views/byte-table.ts';

const add = (table: ByteTable, text: string) => {
  const key = Buffer.from(`<${text}>`);
  return table.add(key, 1, key.length - 1);
};
const find = (table: ByteTable, text: string) => table.find(Buffer.from(text), 0, Buffer.byteLength(text));

test('numbers keys as a Map would, and gives them back', () => {
  fc.assert(
    fc.property(fc.integer(), fc.array(fc.string({ unit: 'grapheme', maxLength: 12 })), (seed, texts) => {
      const table = new ByteTable(seed);
      const model = new Map<string, number>();
      for (const text of texts) {
        if (!model.has(text)) {
          expect(find(table, text)).toBe(-1);
          model.set(text, model.size);
        }
        expect(add(table, text)).toBe(model.get(text));
      }
      expect(table.size).toBe(model.size);
      for (const [text, id] of model) {
        expect(find(table, text)).toBe(id);
        expect(table.text(id)).toBe(text);
      }
    }),
  );
});

test('keeps what it has while it grows, over many chunks of memory', () => {
  const table = new ByteTable(7);
  const textOf = (id: number) => `user-${id}-${'x'.repeat(id % 200)}`;
  for (let id = 0; id < 30_000; id += 1) expect(add(table, textOf(id))).toBe(id);
  for (let id = 0; id < 30_000; id += 1) expect(find(table, textOf(id))).toBe(id);
  expect(table.text(29_999)).toBe(textOf(29_999));
  expect(find(table, 'user-30000-')).toBe(-1);
});

test('puts keys into the order of their bytes', () => {
  const table = new ByteTable(1);
  const [b, a, long] = [add(table, 'b'), add(table, 'a'), add(table, 'ab')];
  expect(table.compare(a, b)).toBeLessThan(0);
  expect(table.compare(b, a)).toBeGreaterThan(0);
  expect(table.compare(a, long)).toBeLessThan(0);
  expect(table.compare(a, a)).toBe(0);
});

test('refuses a key that is longer than it can say', () => {
  const table = new ByteTable(1);
  const long = Buffer.alloc(2 ** 16);
  expect(() => table.add(long, 0, long.length)).toThrow(RangeError);
  expect(table.text(table.add(long, 1, long.length))).toHaveLength(2 ** 16 - 1);
});
