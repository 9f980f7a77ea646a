import { homePartition } from '@clickstream/kafka-client';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { placementOf } from '../../src/verify/placement.ts';

describe('placementOf', () => {
  // From the tests of Kafka's Java client, UtilsTest.testMurmur2, taken modulo 2^31 and then 1,000,000.
  test.each([
    ['21', -973932308],
    ['foobar', -790332482],
    ['a-little-bit-long-string', -985981536],
    ['a-little-bit-longer-string', -1486304829],
    ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
    ['abc', 479470107],
  ])('places %j as the Java client does', (key, hash) => {
    expect(placementOf(key, 1_000_000)).toBe((hash & 0x7fffffff) % 1_000_000);
  });

  test('places every user as the producer and the aggregator do', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', maxLength: 40 }),
        fc.integer({ min: 1, max: 64 }),
        (user, n) => {
          fc.pre(user.isWellFormed());
          expect(placementOf(user, n)).toBe(homePartition(Buffer.from(user), n));
        },
      ),
      { numRuns: 1000 },
    );
  });
});
