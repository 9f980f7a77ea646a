import fc from 'fast-check';
import { expect, test } from 'vitest';
import { RememberedIds } from '../../src/core/remembered-ids.ts';

/** Spreads numbers over 64 bits. */
function hash(id: number): [low: number, high: number] {
  return [Math.imul(id + 1, 0x9e3779b1) >>> 0, Math.imul(id + 7, 0x85ebca77) >>> 0];
}

/** A horizon of 100 ms has steps of 1 ms, so that the plain model below is exact. */
const HORIZON_MS = 100;

test('remembers exactly the ids of the last horizon, as a plain map does, and after a rebuild', () => {
  const steps = fc.array(
    fc.oneof(
      { weight: 8, arbitrary: fc.record({ id: fc.nat(30), laterMs: fc.integer({ min: -20, max: 20 }) }) },
      { weight: 1, arbitrary: fc.record({ forgetMs: fc.integer({ min: 0, max: 150 }) }) },
    ),
    { maxLength: 200 },
  );
  fc.assert(
    fc.property(steps, (list) => {
      const ids = new RememberedIds({ horizonMs: HORIZON_MS, maxIds: 1_000 });
      const model = new Map<number, number>();
      const log: { id: number; time: number }[] = [];
      let now = 1_000;
      let floor = -Infinity;
      for (const step of list) {
        if ('forgetMs' in step) {
          floor = Math.max(floor, now - step.forgetMs - HORIZON_MS);
          ids.forgetBefore(now - step.forgetMs);
          for (const [id, time] of model) if (time < floor) model.delete(id);
        } else {
          now += step.laterMs;
          log.push({ id: step.id, time: now });
          const last = model.get(step.id);
          expect(ids.appear(...hash(step.id), now)).toBe(last !== undefined && last >= now - HORIZON_MS);
          if (now >= floor) model.set(step.id, Math.max(last ?? now, now));
        }
        expect(ids.size).toBe(model.size);
      }
      const rebuilt = new RememberedIds({ horizonMs: HORIZON_MS, maxIds: 1_000 });
      rebuilt.resume(JSON.parse(JSON.stringify(ids.state)) as typeof ids.state);
      for (const { id, time } of log) rebuilt.appear(...hash(id), time);
      expect(rebuilt.size).toBe(ids.size);
      for (let id = 0; id <= 30; id++) {
        const expected = (model.get(id) ?? -Infinity) >= now - HORIZON_MS;
        expect(rebuilt.appear(...hash(id), now)).toBe(expected);
        expect(ids.appear(...hash(id), now)).toBe(expected);
      }
    }),
    { numRuns: 300 },
  );
});

test('remembers after a rebuild with another horizon what both horizons hold', () => {
  // Units of 1, 7 and 220 ms.
  const horizons = fc.constantFrom(100, 100_000, 3_600_000);
  let remembered = 0;
  let forgotten = 0;
  fc.assert(
    fc.property(
      horizons,
      horizons,
      fc.array(fc.nat(1_000_000), { minLength: 1, maxLength: 40 }),
      fc.nat(200_000),
      (horizonMs, nextHorizonMs, agos, laterMs) => {
        const now = Date.UTC(2026);
        const ids = new RememberedIds({ horizonMs, maxIds: 1_000 });
        const rebuilt = new RememberedIds({ horizonMs: nextHorizonMs, maxIds: 1_000 });
        const times = agos.map((agoMs) => now - agoMs).sort((a, b) => a - b);
        for (const [id, time] of times.entries()) ids.appear(...hash(id), time);
        ids.forgetBefore(now);
        rebuilt.resume(JSON.parse(JSON.stringify(ids.state)) as typeof ids.state);
        for (const [id, time] of times.entries()) rebuilt.appear(...hash(id), time);
        const then = now + laterMs;
        rebuilt.forgetBefore(then);
        // A horizon passes in steps, and a floor is rounded down to one.
        const stepMs = (Math.max(horizonMs, nextHorizonMs) / 16_384 + 1) * 2;
        const floor = Math.max(now - horizonMs, then - nextHorizonMs);
        for (const [id, time] of times.entries()) {
          const isDuplicate = rebuilt.appear(...hash(id), then);
          if (time >= floor) expect(isDuplicate).toBe(true);
          else if (time < floor - stepMs) expect(isDuplicate).toBe(false);
          if (isDuplicate) remembered++;
          else forgotten++;
        }
      },
    ),
    { numRuns: 300 },
  );
  expect(remembered).toBeGreaterThan(100);
  expect(forgotten).toBeGreaterThan(100);
});

/** What there is however few ids there are. */
const FIXED_BYTES = 160 * 1024;

test('takes at most 24 bytes for each id, however many there are, and a little beside', () => {
  const ids = new RememberedIds({ horizonMs: 1_000_000, maxIds: 50_000 });
  for (let id = 0; id < 200_000; id++) {
    expect(ids.appear(...hash(id), id)).toBe(false);
    if (id % 997 === 0) expect(ids.bytes).toBeLessThanOrEqual(24 * ids.size + FIXED_BYTES);
  }
  expect(ids.size).toBeLessThanOrEqual(50_000);
  expect(ids.size).toBeGreaterThanOrEqual(50_000 * (15 / 16) - 100);
  expect(ids.forgottenEarly).toBe(200_000 - ids.size);
});

test('takes at most 24 bytes for each id also while a burst passes away, bit by bit', () => {
  const horizonMs = 10_000;
  const ids = new RememberedIds({ horizonMs, maxIds: 1_000_000 });
  for (let id = 0; id < 200_000; id++) ids.appear(...hash(id), id / 100);
  for (let now = 0; now < 2_000; now += 10) {
    ids.forgetBefore(horizonMs + now);
    expect(ids.size).toBe(200_000 - 100 * now);
    expect(ids.bytes).toBeLessThanOrEqual(24 * ids.size + FIXED_BYTES);
    for (const id of [100 * now, 199_999]) expect(ids.appear(...hash(id), id / 100)).toBe(true);
  }
});

test('remembers ids of an input that is many horizons ahead of the other', () => {
  const ids = new RememberedIds({ horizonMs: HORIZON_MS, maxIds: 100_000 });
  ids.forgetBefore(0);
  // 70,000 units, of which 32,768 are counted in an array.
  for (let id = 0; id < 7_000; id++) expect(ids.appear(...hash(id), id * 10)).toBe(false);
  expect(ids.size).toBe(7_000);
  for (const now of [300, 40_000, 65_000]) {
    ids.forgetBefore(now + HORIZON_MS);
    expect(ids.size).toBe(7_000 - now / 10);
    expect(ids.appear(...hash(now / 10), now)).toBe(true);
  }
  expect(ids.forgottenEarly).toBe(0);
});

test('counts ids that come late and are not remembered, since those of that time had to go early', () => {
  const ids = new RememberedIds({ horizonMs: HORIZON_MS, maxIds: 1_000 });
  for (let id = 0; id < 1_001; id++) ids.appear(...hash(id), 1_000 + Math.floor(id / 100));
  expect([ids.size, ids.forgottenEarly]).toEqual([901, 100]);
  ids.forgetBefore(1_050);
  // Of the unit that had to go, of a time before the horizon, of one that is remembered.
  for (const [index, time] of [1_000, 949, 1_001].entries()) ids.appear(...hash(-10 - index), time);
  expect([ids.size, ids.forgottenEarly]).toEqual([902, 101]);
  // Nor are they counted again in a rebuild.
  const rebuilt = new RememberedIds({ horizonMs: HORIZON_MS, maxIds: 1_000 });
  rebuilt.resume(JSON.parse(JSON.stringify(ids.state)) as typeof ids.state);
  rebuilt.appear(...hash(0), 1_000, true);
  expect([rebuilt.size, rebuilt.forgottenEarly]).toEqual([0, 101]);
  rebuilt.appear(...hash(0), 1_000);
  rebuilt.appear(...hash(1), 949);
  expect([rebuilt.size, rebuilt.forgottenEarly]).toEqual([0, 102]);
});

test('gives memory back when a burst is over', () => {
  const ids = new RememberedIds({ horizonMs: 1_000, maxIds: 1_000_000 });
  for (let id = 0; id < 100_000; id++) ids.appear(...hash(id), 0);
  ids.appear(...hash(-5), 5_000);
  ids.forgetBefore(5_000);
  expect(ids.size).toBe(1);
  expect(ids.bytes).toBeLessThanOrEqual(FIXED_BYTES);
  expect(ids.appear(...hash(-5), 5_001)).toBe(true);
});

test('bears clocks that are decades apart', () => {
  const ids = new RememberedIds({ horizonMs: 1_000, maxIds: 1_000 });
  ids.appear(...hash(1), 0);
  ids.appear(...hash(2), Date.UTC(2026));
  ids.appear(...hash(3), -1);
  ids.forgetBefore(Date.UTC(2026));
  expect(ids.appear(...hash(1), Date.UTC(2026))).toBe(false);
  expect(ids.appear(...hash(1), Date.UTC(2026))).toBe(true);
  ids.forgetBefore(Date.UTC(2090));
  expect(ids.size).toBe(0);
});

test('tells the hash of nothing but zeros from a free slot', () => {
  const ids = new RememberedIds({ horizonMs: 1_000, maxIds: 1_000 });
  expect([1, 2].map(() => ids.appear(0, 0, 5))).toEqual([false, true]);
});
