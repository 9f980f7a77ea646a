import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ByteSlots } from '../../../src/core/views/byte-slots.ts';

describe('byte strings by number', () => {
  const set = (slots: ByteSlots, id: number, text: string) => {
    // Behind something else, as in a batch.
    const bytes = Buffer.from(`before${text}after`);
    slots.set(id, bytes, 6, bytes.length - 5);
  };

  test('are what each was set to last, however long the others are', () => {
    const update = fc.record({
      id: fc.nat({ max: 12 }),
      length: fc.constantFrom(0, 1, 15, 16, 17, 31, 32, 33, 256, 65_535),
      letter: fc.constantFrom('a', 'b', 'c'),
    });
    fc.assert(
      fc.property(fc.array(update, { maxLength: 200 }), (updates) => {
        const slots = new ByteSlots();
        const model = new Map<number, string>();
        for (const { id, length, letter } of updates) {
          set(slots, id, letter.repeat(length));
          model.set(id, letter.repeat(length));
        }
        for (let id = 0; id <= 12; id += 1) expect(slots.text(id)).toBe(model.get(id) ?? '');
      }),
    );
  });

  test('take no more room however often they are replaced', () => {
    const slots = new ByteSlots();
    // Made once: what is measured below is to be no garbage.
    const texts = [60, 300, 5].map((length) => Buffer.from('x'.repeat(length)));
    const round = () => {
      for (const text of texts) for (let id = 0; id < 20_000; id += 1) slots.set(id, text, 0, text.length);
    };
    round();
    const before = process.memoryUsage().arrayBuffers;
    for (let turn = 0; turn < 5; turn += 1) round();
    expect((process.memoryUsage().arrayBuffers - before) / 1e6).toBeLessThan(1);
    expect(slots.text(19_999)).toBe('xxxxx');
  });

  test('are refused when they are too long', () => {
    expect(() => {
      set(new ByteSlots(), 0, 'x'.repeat(65_536));
    }).toThrow('a text has 65536 bytes');
  });
});
