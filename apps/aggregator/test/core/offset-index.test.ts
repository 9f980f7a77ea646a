import fc from 'fast-check';
import { expect, test } from 'vitest';
import { OffsetIndex } from '../../src/core/offset-index.ts';

test('never gives an offset above a record that has to be found again, and none where there is none', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: -30, max: 60 }), { maxLength: 600 }),
      fc.nat(5_000),
      (laterMs, floor) => {
        const index = new OffsetIndex(640);
        let time = 1_000;
        const times = laterMs.map((later) => (time += later));
        for (const [at, ingestTime] of times.entries()) index.add({ offset: BigInt(at) }, ingestTime);
        const first = times.findIndex((ingestTime) => ingestTime >= floor);
        const from = index.from(floor);
        if (first < 0) expect(from).toBeUndefined();
        else expect(Number(from)).toBeLessThanOrEqual(first);
      },
    ),
  );
});

test('is close: at most a stretch of a 64th of the horizon too low while time goes on', () => {
  const index = new OffsetIndex(640);
  for (let at = 0; at < 10_000; at++) index.add({ offset: BigInt(at) }, at);
  expect(Number(index.from(9_360))).toBeGreaterThan(9_300);
});
