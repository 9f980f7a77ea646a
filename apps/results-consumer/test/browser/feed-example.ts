import {
  CLICK_EVENT_LIMITS,
  encodeDeadLetter,
  encodePageClicks,
  encodeRunningTotal,
  encodeUserSession,
  type DeadLetterReason,
} from '@clickstream/schema';
import type { ClickViews } from '../../src/core/views/click-views.ts';
import { recordOf } from '../core/views/record-of.ts';

const PAGES = [
  '/',
  '/pricing',
  '/docs/getting-started',
  '/blog/exactly-once',
  '/login',
  '/docs/api',
  '/about',
  '/jobs',
  '/status',
  '/contact',
  '/docs/windows',
];

/** How many users there are; user 0 is the busiest. */
export const EXAMPLE_USERS = 40;

/** Fills the views as a quarter of an hour of clicks does: every part of the page has something to show. */
export function feedExample(views: ClickViews, nowMs: number): void {
  views.rate.extendTo(nowMs - 900_000);
  for (let second = 0; second < 900; second += 1) {
    // Noise as of a hash, the same each time.
    const noise = ((Math.imul(second + 1, 0x9e3779b1) >>> 16) % 61) - 30;
    const clicks = Math.round(320 + 90 * Math.sin(second / 95) + 30 * Math.sin(second / 23) + noise);
    for (let click = 0; click < clicks; click += 1) views.rate.add(nowMs - second * 1_000, nowMs);
  }
  let counted = 0;
  for (let user = 0; user < EXAMPLE_USERS; user += 1) {
    const clicks = Math.round(4_200 / (user + 3)) + 40 - user;
    counted += clicks;
    feedTotal(
      views,
      nowMs,
      `user-${1_000 + user * 37}`,
      clicks,
      PAGES[user % PAGES.length] ?? '/',
      user * 900,
    );
  }
  for (let update = 0; update < 400; update += 1)
    views.latency.add(38 + ((update * 7) % 60) + (update % 97 === 0 ? 140 : 0), nowMs);
  const windowStart = Math.floor(nowMs / 60_000) * 60_000;
  PAGES.forEach((page, index) => {
    const [clicks, users] = [Math.round(2_400 / (index + 2)), Math.round(900 / (index + 2))];
    feedPage(views, nowMs, { page, windowStart, clicks, users });
  });
  for (const [index, clicks] of [3, 12, 1].entries()) {
    const start = nowMs - index * 5_400_000 - 240_000;
    const { key, value } = encodeUserSession({
      userId: 'user-1000',
      start,
      end: start + (clicks - 1) * 19_000,
      clicks,
      entryUrl: '/',
      exitUrl: clicks === 1 ? '/' : '/docs/getting-started',
      final: index > 0,
    });
    views.apply('sessions', recordOf(key, value), nowMs);
  }
  const rejected: [DeadLetterReason, string, string, number][] = [
    ['malformed', 'userId is missing', '{"url":"/pricing","timestamp":"yesterday"}', 7],
    [
      'late',
      'all of its windows are closed',
      '{"userId":"user-1037","url":"/","timestamp":1760000000000}',
      3,
    ],
    [
      'too-large',
      `over ${CLICK_EVENT_LIMITS.urlLength.max} characters`,
      `{"userId":"u","url":"/${'long/'.repeat(200)}"}`,
      1,
    ],
  ];
  for (const [reason, detail, value, count] of rejected)
    for (let each = 0; each < count; each += 1)
      feedDeadLetter(views, nowMs, { reason, detail, value, offset: each });
  feedBooks(views, { counted, duplicate: 12, rejected: 8 });
  const read = counted + 12 + 8;
  views.lag.setBounds(0, 0, read + 17);
  views.lag.noteClick(0, read, nowMs);
  views.setReady(nowMs);
  views.deadLetters.setComplete();
}

/** A page in a window of a minute that is open. */
export function feedPage(
  views: ClickViews,
  nowMs: number,
  page: { page: string; windowStart: number; clicks: number; users: number },
): void {
  const { key, value } = encodePageClicks({
    ...page,
    windowEnd: page.windowStart + 60_000,
    partition: 0,
    usersExact: true,
    final: false,
  });
  views.apply('pages', recordOf(key, value), nowMs);
}

/** A running total, as if the aggregator had committed it. */
export function feedTotal(
  views: ClickViews,
  nowMs: number,
  userId: string,
  clicks: number,
  lastUrl: string,
  agoMs = 0,
): void {
  const { key, value } = encodeRunningTotal({ userId, clicks, lastClickAt: nowMs - agoMs, lastUrl }, 'json');
  views.apply('totals', recordOf(key, value), nowMs);
}

export function feedDeadLetter(
  views: ClickViews,
  nowMs: number,
  {
    reason,
    detail,
    value,
    offset,
  }: { reason: DeadLetterReason; detail: string; value: string; offset: number },
): void {
  const letter = encodeDeadLetter({
    reason,
    detail,
    topic: 'clickstream',
    partition: 0,
    offset: BigInt(offset),
    timestampMs: nowMs,
    key: Buffer.from('user-1037'),
    value: Buffer.from(value),
    headers: [],
  });
  views.apply(
    'deadLetters',
    recordOf(letter.key, letter.value, letter.headers as Record<string, Buffer>),
    nowMs,
  );
}

/** The newest checkpoint of partition 0. @param lost how many clicks are missing in its books */
export function feedBooks(
  views: ClickViews,
  {
    counted,
    duplicate,
    rejected,
    lost = 0,
  }: { counted: number; duplicate: number; rejected: number; lost?: number },
): void {
  const read = counted + duplicate + rejected + lost;
  const checkpoint = {
    sequence: 1,
    input: { position: String(read) },
    books: { read, counted, duplicate, rejected },
    state: { settings: { sessionGapMs: 1_800_000 } },
  };
  views.books.apply(0, Buffer.from(JSON.stringify(checkpoint)));
}
