import fc from 'fast-check';
import { expect, test } from 'vitest';
import { UserSet } from '../../src/core/user-set.ts';

test('has the size of a Set with the same users', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.nat(20), fc.nat(2 ** 31 - 2)), { maxLength: 500 }), (users) => {
      const set = new UserSet();
      for (const user of users) set.add(user);
      expect(set.size).toBe(new Set(users).size);
    }),
  );
});
