import { expect, test } from 'vitest';
import { CLICK_ROWS, ClickFeed, ROWS_PER_EVENT } from '../../web/state/click-feed.ts';

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

test('shows some of many, the newest among them, and says which part', () => {
  const feed = new ClickFeed();
  for (let each = 0; each < 8; each += 1) feed.take(event(each * 12, 12, 1_200), each * 250);
  expect(feed.rows).toHaveLength(CLICK_ROWS);
  expect(users(feed)[0]).toBe('u95');
  expect(new Set(users(feed)).size).toBe(CLICK_ROWS);
  expect(feed.oneOf(2_000)).toBe(1_200 / ROWS_PER_EVENT);
  expect(feed.oneOf(60_000)).toBe(1);
});

test('stands still while paused, counts what comes, and goes on', () => {
  const feed = new ClickFeed();
  feed.take(event(0, 1), 0);
  feed.setPaused(true);
  feed.take(event(1, 3, 30), 250);
  expect(users(feed)).toEqual(['u0']);
  expect(feed.seenWhilePaused).toBe(30);
  feed.setPaused(false);
  feed.take(event(4, 1), 500);
  expect(users(feed)).toEqual(['u4', 'u0']);
  expect(feed.seenWhilePaused).toBe(0);
});
