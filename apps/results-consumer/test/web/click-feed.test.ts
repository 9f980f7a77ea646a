import { expect, test } from 'vitest';
import { CLICK_ROWS, ClickFeed, ROWS_PER_SECOND } from '../../web/state/click-feed.ts';

const clicks = (from: number, count: number) =>
  Array.from({ length: count }, (_, index) => ({
    userId: `u${from + index}`,
    url: '/',
    timestamp: 0,
    partition: 0,
    offset: String(from + index),
  }));
const event = (from: number, count: number, seen = count) => ({
  clicks: clicks(from, count),
  sampled: null,
  seen,
});
const users = (feed: ClickFeed) => feed.rows.map(({ userId }) => userId);

test('shows the newest first, and all of a few', () => {
  const feed = new ClickFeed();
  feed.take(event(0, 2), 0);
  feed.take(event(2, 1), 250);
  expect(users(feed)).toEqual(['u2', 'u1', 'u0']);
  expect(feed.oneOf(250)).toBe(1);
});

test('brings no more rows than can be read, the newest among them, and says which part they are', () => {
  const feed = new ClickFeed();
  let rows = 0;
  for (let each = 0; each < 40; each += 1) {
    const before = new Set(users(feed));
    feed.take(event(each * 12, 12, 1_200), each * 250);
    rows += users(feed).filter((user) => !before.has(user)).length;
  }
  expect(rows).toBeGreaterThanOrEqual(10 * ROWS_PER_SECOND - 1);
  expect(rows).toBeLessThanOrEqual(10 * ROWS_PER_SECOND + 3);
  expect(feed.rows).toHaveLength(CLICK_ROWS);
  expect(new Set(users(feed)).size).toBe(CLICK_ROWS);
  expect(feed.oneOf(9_750)).toBeCloseTo(4_800 / ROWS_PER_SECOND, -2);
  expect(feed.oneOf(60_000)).toBe(1);
});

test('does not say that all are shown when a few are not', () => {
  const feed = new ClickFeed();
  for (let each = 0; each < 40; each += 1) feed.take(event(each, 1), each * 250);
  expect(feed.oneOf(9_750)).toBe(2);
});

test('goes on when the clock was set back', () => {
  const feed = new ClickFeed();
  feed.take(event(0, 3), 3_600_000);
  feed.take(event(3, 1), 0);
  const waitMs = feed.advance(0) ?? 0;
  expect(waitMs).toBeLessThanOrEqual(1_000);
  feed.advance(waitMs);
  expect(users(feed)).toEqual(['u3', 'u2', 'u1', 'u0']);
  expect(feed.oneOf(waitMs)).toBe(1);
});

test('lets the last one in when its turn has come, though nothing follows it', () => {
  const feed = new ClickFeed();
  feed.take(event(0, 3), 0);
  feed.take(event(3, 2), 10);
  expect(users(feed)).toEqual(['u2', 'u1', 'u0']);
  const waitMs = feed.advance(20);
  expect(waitMs).toBeGreaterThan(0);
  expect(feed.advance(20 + (waitMs ?? 0))).toBeUndefined();
  expect(users(feed)).toEqual(['u4', 'u2', 'u1', 'u0']);
});

test('has a record once, though it comes again', () => {
  const feed = new ClickFeed();
  feed.take(event(0, 2), 0);
  feed.take(event(0, 1), 1_000);
  expect(users(feed)).toEqual(['u0', 'u1']);
});

test('stands still while stopped, counts what comes, and goes on', () => {
  const feed = new ClickFeed();
  feed.take(event(0, 1), 0);
  feed.setStopped(true);
  feed.take(event(1, 3, 30), 250);
  expect(feed.advance(9_000)).toBeUndefined();
  expect(users(feed)).toEqual(['u0']);
  expect(feed.seenWhileStopped).toBe(30);
  feed.setStopped(false);
  feed.take(event(4, 1), 500);
  expect(users(feed)).toEqual(['u4', 'u0']);
  expect(feed.seenWhileStopped).toBe(0);
});
