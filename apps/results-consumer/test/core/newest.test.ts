import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Newest } from '../../src/core/newest.ts';

test('keeps the newest items in their order, and no more than asked for', () => {
  fc.assert(
    fc.property(fc.nat(50), fc.array(fc.integer(), { maxLength: 500 }), (limit, items) => {
      const newest = new Newest<number>(limit);
      for (const item of items) newest.push(item);
      expect(newest.items()).toEqual(items.slice(Math.max(0, items.length - limit)));
    }),
  );
});
