import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ActiveUsers } from '../../../src/core/views/active-users.ts';
import { ClickRate } from '../../../src/core/views/click-rate.ts';
import { ClickSample } from '../../../src/core/views/click-sample.ts';
import { LatencyWindow } from '../../../src/core/views/latency-window.ts';

const NOW = 1_800_000_000_000;

describe('active users', () => {
  test('are those whose last click is at most 5 minutes ago, as time goes by', () => {
    const step = fc.record({
      user: fc.nat(5),
      pauseMs: fc.nat(200_000),
      ageMs: fc.integer({ min: -5_000, max: 400_000 }),
    });
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const active = new ActiveUsers();
        const notes = new Map<number, number>();
        const model = new Map<number, number>();
        let now = NOW;
        for (const { user, pauseMs, ageMs } of steps) {
          now += pauseMs;
          notes.set(user, active.move(notes.get(user) ?? 0, now - ageMs, now));
          model.set(user, Math.min(Math.floor((now - ageMs) / 1_000), Math.floor(now / 1_000)));
          const since = Math.floor(now / 1_000) - 300;
          expect(active.count(now)).toBe([...model.values()].filter((second) => second > since).length);
        }
      }),
    );
  });
});

describe('the click rate', () => {
  test('counts by the second, keeps 15 minutes and says since when it knows', () => {
    const rate = new ClickRate(NOW - 2_000);
    for (const ageMs of [0, 400, 1_000, 1_999, 2_000]) rate.add(NOW - ageMs, NOW);
    const second = NOW / 1_000;
    expect(rate.series(NOW)).toEqual([
      [second - 2, 2],
      [second - 1, 2],
      [second, 1],
    ]);
    expect(rate.perSecond(NOW)).toBe(2);
    rate.extendTo(0);
    expect(rate.series(NOW)).toHaveLength(900);
    const later = rate.series(NOW + 899_000);
    expect(later).toHaveLength(900);
    expect(later[0]).toEqual([second, 1]);
    expect(rate.series(NOW + 900_000).every(([, clicks]) => clicks === 0)).toBe(true);
  });

  test('is the mean of 5 full seconds, and takes a future click for one of now', () => {
    const rate = new ClickRate(0);
    for (let ageMs = 0; ageMs < 5_000; ageMs += 100) rate.add(NOW - ageMs - 1, NOW);
    expect(rate.perSecond(NOW)).toBe(10);
    rate.add(NOW + 60_000, NOW);
    expect(rate.series(NOW).at(-1)).toEqual([NOW / 1_000, 1]);
  });

  test('follows a Kafka whose clock is behind', () => {
    const rate = new ClickRate(0);
    for (let elapsedMs = 50; elapsedMs < 20_000; elapsedMs += 100) {
      const nowMs = NOW + elapsedMs;
      // Some come late, as after a pause.
      rate.add(nowMs - 10_000 - (elapsedMs % 7), nowMs);
    }
    expect(rate.perSecond(NOW + 20_000)).toBe(10);
    expect(rate.series(NOW + 20_000).at(-1)?.[0]).toBe(NOW / 1_000 + 10);
    // It was set right.
    for (let elapsedMs = 20_050; elapsedMs < 30_000; elapsedMs += 100)
      rate.add(NOW + elapsedMs, NOW + elapsedMs);
    expect(rate.perSecond(NOW + 30_000)).toBe(10);
  });

  test('does not take old timestamps for a clock that is behind', () => {
    const rate = new ClickRate(0);
    rate.add(NOW - 600_000, NOW);
    expect(rate.series(NOW).at(-1)).toEqual([NOW / 1_000, 0]);
    expect(rate.series(NOW).find(([, clicks]) => clicks === 1)?.[0]).toBe(NOW / 1_000 - 600);
  });

  test('goes on when the clock was ahead for a while', () => {
    const rate = new ClickRate(NOW);
    for (let ageMs = 0; ageMs < 5_000; ageMs += 100) rate.add(NOW + ageMs, NOW + ageMs);
    rate.add(NOW + 5_000, NOW + 3_600_000);
    for (let ageMs = 5_000; ageMs < 10_000; ageMs += 100) rate.add(NOW + ageMs, NOW + ageMs);
    expect(rate.perSecond(NOW + 10_000)).toBe(10);
  });

  test('passes over clicks from before its window', () => {
    const rate = new ClickRate(0);
    rate.add(NOW - 900_000, NOW);
    expect(rate.series(NOW).every(([, clicks]) => clicks === 0)).toBe(true);
  });
});

describe('latencies', () => {
  test('are within 2 % of the exact percentiles', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 10_000_000 }), { minLength: 1 }), (latencies) => {
        const window = new LatencyWindow();
        for (const latency of latencies) window.add(latency, NOW);
        const sorted = latencies.toSorted((a, b) => a - b);
        const { p50Ms, p99Ms, updates } = window.percentiles(NOW);
        expect(updates).toBe(latencies.length);
        for (const [found, share] of [
          [p50Ms, 0.5],
          [p99Ms, 0.99],
        ] as const) {
          const exact = sorted[Math.ceil(share * sorted.length) - 1] ?? NaN;
          expect(Math.abs((found ?? NaN) - exact)).toBeLessThanOrEqual(1 + exact * 0.02);
        }
      }),
    );
  });

  test('are forgotten after a minute', () => {
    const window = new LatencyWindow();
    window.add(20, NOW);
    window.add(-5, NOW + 30_000);
    expect(window.percentiles(NOW + 54_000)).toMatchObject({ p50Ms: 0, p99Ms: 20, updates: 2 });
    expect(window.percentiles(NOW + 61_000)).toMatchObject({ p50Ms: 0, p99Ms: 0, updates: 1 });
    expect(window.percentiles(NOW + 3_600_000)).toMatchObject({ p50Ms: null, p99Ms: null, updates: 0 });
  });

  test('are counted on when the clock was ahead for a while', () => {
    const window = new LatencyWindow();
    window.add(20, NOW + 3_600_000);
    window.add(30, NOW);
    expect(window.percentiles(NOW + 10_000)).toMatchObject({ p50Ms: 30, updates: 1 });
  });

  test('of days count as the longest there is', () => {
    const window = new LatencyWindow();
    window.add(1e12, NOW);
    expect(window.percentiles(NOW).p50Ms).toBeGreaterThan(2e9);
  });
});

describe('a sample', () => {
  test('is all there was, or evenly spread and never more than the limit', () => {
    fc.assert(
      fc.property(fc.nat(2_000), fc.integer({ min: 1, max: 20 }), (count, limit) => {
        const sample = new ClickSample<number>(limit);
        for (let item = 0; item < count; item += 1) sample.push(item);
        const { kept, stride, seen } = sample.take();
        expect(seen).toBe(count);
        expect(kept).toEqual(Array.from({ length: Math.ceil(count / stride) }, (_, index) => index * stride));
        expect(kept.length).toBeLessThanOrEqual(limit);
        if (count <= limit) expect(stride).toBe(1);
        else expect(kept.length * 2).toBeGreaterThanOrEqual(limit);
        expect(sample.take()).toEqual({ kept: [], stride: 1, seen: 0 });
      }),
    );
  });
});
