import { encodeRunningTotal } from '@clickstream/schema';
import { expect, test } from 'vitest';
import { ClickViews } from '../../../src/core/views/click-views.ts';
import { recordOf } from './record-of.ts';

const NOW = 1_800_000_000_000;

test('what was written before it was ready says nothing about how long a click takes', () => {
  const views = new ClickViews(1, NOW);
  let clicks = 0;
  const total = (writtenAtMs: number, nowMs: number) => {
    clicks += 1;
    const { key, value } = encodeRunningTotal(
      { userId: 'a', clicks, lastClickAt: writtenAtMs - 30, lastUrl: '/' },
      'json',
    );
    views.apply('totals', recordOf(key, value, {}, writtenAtMs), nowMs);
    return views.overview(nowMs).latency;
  };
  expect(total(NOW + 1_000, NOW + 4_000)).toMatchObject({ updates: 0, p99Ms: null });
  views.setReady(NOW + 5_000);
  expect(total(NOW + 4_999, NOW + 6_000)).toMatchObject({ updates: 0, p99Ms: null });
  expect(total(NOW + 6_000, NOW + 6_010)).toMatchObject({ updates: 1, p99Ms: 40 });
});

test('a clock that was ahead when it was ready, and was set right, does not hide how long a click takes', () => {
  const views = new ClickViews(1, NOW);
  views.setReady(NOW + 3_600_000);
  const { key, value } = encodeRunningTotal(
    { userId: 'a', clicks: 1, lastClickAt: NOW + 20, lastUrl: '/' },
    'json',
  );
  views.apply('totals', recordOf(key, value, {}, NOW + 50), NOW + 50);
  expect(views.overview(NOW + 50).latency).toMatchObject({ updates: 1, p99Ms: 30 });
});
