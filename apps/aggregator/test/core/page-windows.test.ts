import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { PageClicks } from '@clickstream/schema';
import { expect, test, vi } from 'vitest';
import { DeadlineHeap } from '../../src/core/deadline-heap.ts';
import { pageOfUrl } from '../../src/core/page-of-url.ts';
import { PageWindows } from '../../src/core/page-windows.ts';
import { TimeWindows } from '../../src/core/time-windows.ts';

function createWindows(): PageWindows {
  return new PageWindows({ partition: 0, windows: new TimeWindows(1_000, 1_000), maxPages: 1e6 });
}

function result(windowStart: number, final: boolean): PageClicks {
  const windowEnd = windowStart + 1_000;
  return {
    page: '/a',
    windowStart,
    windowEnd,
    partition: 0,
    clicks: 1,
    users: 1,
    usersExact: true,
    final,
  };
}

test('a page holds no more of its url than itself', () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const windows = createWindows();
  collect();
  const before = process.memoryUsage().heapUsed;
  const urls = 4_000;
  for (let n = 0; n < urls; n++) {
    const url = Buffer.from(`/some/page/of/a/site/${n}?q=${'x'.repeat(8_000)}`).toString('latin1');
    windows.count(5, pageOfUrl(url), 0, -Infinity, 'input', { offset: BigInt(n) });
  }
  collect();
  expect(windows.openPages).toBe(urls);
  expect((process.memoryUsage().heapUsed - before) / urls).toBeLessThan(2_000);
});

test('final results of windows that are not open leave nothing behind in a restore', () => {
  const heap = vi.spyOn(DeadlineHeap.prototype, 'push');
  const windows = createWindows();
  const finals = 10_000;
  for (let n = 0; n < finals; n++) windows.restore(result(n * 1_000, true), BigInt(n));
  expect(heap.mock.calls.length).toBe(0);
  heap.mockRestore();
  expect(windows.openWindows).toBe(0);
  expect(windows.resultsFrom).toBe(BigInt(finals));
  expect(windows.resultsEnd).toBe(BigInt(finals));
});

test('the next end is right again after a window of many was closed in a restore', () => {
  const windows = createWindows();
  const open = 150_000;
  for (let n = 0; n < open; n++) windows.restore(result(n * 1_000, false), BigInt(n));
  expect(windows.nextEnd).toBe(1_000);
  windows.restore(result(0, true), BigInt(open));
  expect(windows.nextEnd).toBe(2_000);
  windows.restore(result(5_000, true), BigInt(open + 1));
  expect(windows.nextEnd).toBe(2_000);
});
