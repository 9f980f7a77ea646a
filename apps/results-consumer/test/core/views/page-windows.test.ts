import { encodeClosedUntil, encodePageClicks, type PageClicks } from '@clickstream/schema';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PageWindows, TOP_PAGES_MAX, windowStartOf } from '../../../src/core/views/page-windows.ts';
import { recordOf } from './record-of.ts';

const MINUTE = 60_000;

function put(windows: PageWindows, share: Partial<PageClicks> & { windowStart: number }): void {
  const { key, value } = encodePageClicks({
    page: '/page1',
    windowEnd: share.windowStart + MINUTE,
    partition: 0,
    clicks: 1,
    users: 1,
    usersExact: true,
    final: false,
    ...share,
  });
  expect(windows.apply(recordOf(key, value))).toBe(true);
}

function close(windows: PageWindows, partition: number, closedUntil: number, idle = false): void {
  const { key, value } = encodeClosedUntil({ partition, closedUntil, streamTime: closedUntil, idle });
  expect(windows.apply(recordOf(key, value))).toBe(true);
}

describe('a window', () => {
  test('adds up what the partitions say last, busiest page first', () => {
    const share = fc.record({
      page: fc.constantFrom('/a', '/b', '/c', '(other)', '/d/with/slash'),
      partition: fc.nat(2),
      clicks: fc.integer({ min: 1, max: 9 }),
      users: fc.integer({ min: 1, max: 9 }),
      usersExact: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(share, { minLength: 1 }), fc.integer({ min: 1, max: 5 }), (shares, limit) => {
        const windows = new PageWindows();
        const newest = new Map<string, (typeof shares)[number]>();
        for (const each of shares) {
          put(windows, { windowStart: 0, ...each });
          newest.set(`${each.partition} ${each.page}`, each);
        }
        const pages = new Map<string, { page: string; clicks: number; users: number }>();
        for (const { page, clicks, users } of newest.values()) {
          const sum = pages.get(page) ?? { page, clicks: 0, users: 0 };
          pages.set(page, { page, clicks: sum.clicks + clicks, users: sum.users + users });
        }
        const expected = [...pages.values()].sort(
          (a, b) => b.clicks - a.clicks || (a.page < b.page ? -1 : 1),
        );
        expect(windows.window(0, limit)).toMatchObject({
          windowStart: 0,
          windowEnd: MINUTE,
          pages: expected.slice(0, limit),
          totalPages: expected.length,
          clicks: expected.reduce((sum, { clicks }) => sum + clicks, 0),
          usersExact: [...newest.values()].every(({ usersExact }) => usersExact),
        });
      }),
    );
  });

  test('knows the busiest of more pages than can be asked for, also when some of these go down', () => {
    const windows = new PageWindows();
    const clicks = new Map(Array.from({ length: TOP_PAGES_MAX + 100 }, (_, page) => [`/${page}`, 10 + page]));
    const ranked = () =>
      [...clicks].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).map(([page]) => page);
    const shown = (limit: number) => windows.window(0, limit)?.pages.map(({ page }) => page);
    for (const [page, count] of clicks) put(windows, { windowStart: 0, page, clicks: count });
    expect(shown(TOP_PAGES_MAX)).toEqual(ranked().slice(0, TOP_PAGES_MAX));
    for (const [page, count] of [
      ['/0', 5_000],
      ['/1099', 1],
      ['/1098', 2],
      ['/1', 2_000],
    ] as const) {
      clicks.set(page, count);
      put(windows, { windowStart: 0, page, clicks: count });
      expect(shown(20)).toEqual(ranked().slice(0, 20));
    }
    expect(shown(TOP_PAGES_MAX)).toEqual(ranked().slice(0, TOP_PAGES_MAX));
  });

  test('is final once every partition that is not idle has closed it', () => {
    const windows = new PageWindows();
    put(windows, { windowStart: 0, partition: 0, final: true });
    put(windows, { windowStart: 0, partition: 1 });
    const isFinal = () => windows.window(0, 1)?.final;
    expect(isFinal()).toBe(false);
    close(windows, 0, MINUTE);
    close(windows, 1, 0);
    expect(isFinal()).toBe(false);
    close(windows, 2, 0, true);
    expect(isFinal()).toBe(false);
    close(windows, 1, MINUTE);
    expect(isFinal()).toBe(true);
  });

  test('is final when the partition that had not closed it is idle', () => {
    const windows = new PageWindows();
    put(windows, { windowStart: 0 });
    close(windows, 0, MINUTE);
    close(windows, 1, 0);
    expect(windows.window(0, 1)?.final).toBe(false);
    close(windows, 1, 0, true);
    expect(windows.window(0, 1)?.final).toBe(true);
  });

  test('is final while a partition with a share of it has never said how far it has closed, until that does', () => {
    const windows = new PageWindows();
    put(windows, { windowStart: 0, partition: 0 });
    close(windows, 0, MINUTE);
    expect(windows.window(0, 1)).toMatchObject({ final: true, clicks: 1 });
    // The first click of a partition that counted as idle.
    put(windows, { windowStart: 0, partition: 1 });
    expect(windows.window(0, 1)).toMatchObject({ final: true, clicks: 2 });
    close(windows, 1, 0);
    expect(windows.window(0, 1)?.final).toBe(false);
    close(windows, 1, MINUTE);
    expect(windows.window(0, 1)?.final).toBe(true);
  });
});

describe('the windows', () => {
  test('are the newest 60, and the current one is that of now', () => {
    const windows = new PageWindows();
    expect(windows.current(0)).toBeUndefined();
    for (let index = 0; index < 100; index += 1) put(windows, { windowStart: index * MINUTE });
    put(windows, { windowStart: 3 * MINUTE });
    expect(windows.window(39 * MINUTE, 1)).toBeUndefined();
    expect(windows.window(40 * MINUTE, 1)?.windows).toEqual(
      Array.from({ length: 60 }, (_, index) => (99 - index) * MINUTE),
    );
    expect(windows.current(70 * MINUTE + 5)).toBe(70 * MINUTE);
    expect(windows.current(1e15)).toBe(99 * MINUTE);
    expect(windows.current(0)).toBe(40 * MINUTE);
  });

  test('take no more memory than they may: the oldest go, and what does not fit is left out', () => {
    const windows = new PageWindows();
    const long = 'x'.repeat(8_000);
    for (let index = 0; index < 900; index += 1) put(windows, { windowStart: 0, page: `/${index}${long}` });
    for (let index = 0; index < 900; index += 1)
      put(windows, { windowStart: MINUTE, page: `/${index}${long}` });
    expect(windows.window(0, 1)).toBeUndefined();
    expect(windows.window(MINUTE, 1)).toMatchObject({ totalPages: 900, usersExact: true, complete: true });
    for (let index = 0; index < 900; index += 1)
      put(windows, { windowStart: MINUTE, page: `/more${index}${long}` });
    const { totalPages = 0, usersExact, complete, pages } = windows.window(MINUTE, 1) ?? {};
    expect(totalPages).toBeLessThan(1_600);
    expect(usersExact).toBe(false);
    expect(complete).toBe(false);
    expect(pages?.[0]?.page).toHaveLength(256);
  });

  test('pay for each share of a page', () => {
    const windows = new PageWindows();
    for (let page = 0; page < 4_000; page += 1)
      for (let partition = 0; partition < 64; partition += 1)
        put(windows, { windowStart: 0, page: `/${page}`, partition });
    const { totalPages, usersExact, complete } = windows.window(0, 1) ?? {};
    expect(totalPages).toBeLessThan(3_800);
    expect([usersExact, complete]).toEqual([false, false]);
  });

  test('have a key for each page, though its name is cut', () => {
    const windows = new PageWindows();
    const long = `/${'x'.repeat(300)}`;
    for (const page of ['/short', `${long}a`, `${long}b`]) put(windows, { windowStart: 0, page });
    const pages = windows.window(0, 3)?.pages ?? [];
    expect(new Set(pages.map(({ page }) => page)).size).toBe(2);
    expect(new Set(pages.map(({ key }) => key)).size).toBe(3);
    expect(pages.find(({ page }) => page === '/short')?.key).toBe('/short');
  });

  test('do not come back with a part of their clicks when they had to go', () => {
    const windows = new PageWindows();
    const long = 'x'.repeat(8_000);
    for (let index = 0; index < 900; index += 1)
      put(windows, { windowStart: MINUTE, page: `/${index}${long}` });
    for (let index = 0; index < 900; index += 1)
      put(windows, { windowStart: 2 * MINUTE, page: `/${index}${long}` });
    put(windows, { windowStart: MINUTE, partition: 1, final: true });
    put(windows, { windowStart: 0 });
    close(windows, 0, MINUTE);
    expect(windows.window(MINUTE, 1)).toBeUndefined();
    expect(windows.window(2 * MINUTE, 1)?.windows).toEqual([2 * MINUTE]);
  });

  test.each([
    ['1800000000000/3//page/1', '1800000000000'],
    ['-60000/0/', '-60000'],
    ['closedUntil/0', undefined],
    ['x/1', undefined],
    ['', undefined],
    [null, undefined],
  ])('have their start in the key %j', (key, start) => {
    expect(windowStartOf(key === null ? null : Buffer.from(key))).toBe(start);
  });

  test('pass over what is no window, and tombstones', () => {
    const windows = new PageWindows();
    expect(windows.apply(recordOf('0/0/a', '{'))).toBe(false);
    expect(windows.apply(recordOf('closedUntil/0', '{}'))).toBe(false);
    expect(windows.apply(recordOf('0/0/a', null))).toBe(true);
    expect(windows.apply(recordOf('closedUntil/0', null))).toBe(true);
    expect(windows.current(1)).toBeUndefined();
  });
});
