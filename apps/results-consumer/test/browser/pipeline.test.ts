import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { createPartitionReader, createRecordProducer, homePartition } from '@clickstream/kafka-client';
import {
  decodePageClicks,
  decodeRunningTotal,
  decodeUserSession,
  encodeClickEvent,
  encodeClosedUntil,
  encodeDeadLetter,
  encodePageClicks,
  encodeRunningTotal,
  encodeUserSession,
  isClosedUntilKey,
  type RunningTotal,
} from '@clickstream/schema';
import {
  createTestTopics,
  openTransaction,
  readCommitted,
  readDeadLetters,
  startApp,
  startWitness,
  sumOfBooks,
  untilAllRead,
  type AppProcess,
  type TestTopics,
  type Witness,
} from '@clickstream/test-harness';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from 'vitest';
import type { Overview } from '../../src/core/views/click-views.ts';
import type { DashboardState } from '../../web/state/dashboard-state.ts';
import { startResultsConsumer, type ResultsConsumerProcess } from '../results-consumer-process.ts';
import { readSse } from '../serve/sse-reader.ts';
import { builtPage } from './built-page.ts';
import { expectAccessible, expectNoOverflow } from './expect-page.ts';
import { HOSTILE_REJECTED_TEXTS, HOSTILE_TEXTS, shownHostile } from './hostile-texts.ts';
import { openBrowser } from './open-browser.ts';
import { serveBuiltPage } from './serve-built-page.ts';
import {
  connectionOf,
  numberOf,
  openWatchedPage,
  rowsOf,
  textOf,
  type WatchedPageOptions,
} from './watched-page.ts';

const CLICKS = 600;
const USERS = 30;
/** So that all clicks of the file, but for one hour's turn, are in one window, and it stays the current one. */
const WINDOW_SIZE_MS = 3_600_000;
/** Of a user, more than the simulated ones have. */
const MOST_CLICKS = 400;
/** Of a canary, more than there ever are. */
const CANARY_CLICKS = 1_000_000;
/** The page has no room for more. */
const ROWS = 10;
const STEP_TIMEOUT_MS = 60_000;
/** From the total that is written to its being seen: so many times somebody waits for a core (aggregator, broker, server, browser). */
const WAITS_FOR_A_CORE = 10;
/** Longer than two deltas are apart: what comes then goes out at once. */
const QUIET_MS = 350;
/** A transaction that nobody ends is aborted by the broker after so long, and up to 10 s more. */
const LEFT_OPEN_MS = 3_000;
const SCREENSHOTS = fileURLToPath(new URL('../../test-results/screenshots', import.meta.url));

interface Row {
  readonly userId: string;
  readonly clicks: number;
}

/** Short enough not to be cut. */
const urlOf = (text: string) => `/${text.slice(0, 100)}`;

const tidyUps: (() => Promise<void>)[] = [];
const atEnd = (tidyUp: () => Promise<void>) => {
  tidyUps.push(tidyUp);
};
let browser: Browser;
let built: Awaited<ReturnType<typeof builtPage>>;
let witness: Witness;
let topics: TestTopics;
let environment: Record<string, string>;
let aggregator: AppProcess;
let serve: ResultsConsumerProcess;
let address: string;
let serial = 0;

const startAggregator = async () => {
  const started = startApp('aggregator', { environment, atEnd });
  await started.ready();
  return started;
};
const startServe = (port: string) =>
  startResultsConsumer(['serve'], { ...environment, DASHBOARD_PORT: port }, atEnd);

beforeAll(async () => {
  mkdirSync(SCREENSHOTS, { recursive: true });
  built = await builtPage();
  const brokers = inject('kafkaBrokers');
  witness = await startWitness(brokers);
  atEnd(() => witness.stop());
  topics = await createTestTopics({ brokers, totalsPrefix: witness.topicPrefix, atEnd });
  environment = { ...topics.environment, WINDOW_SIZE_MS: String(WINDOW_SIZE_MS), LOG_LEVEL: 'warn' };
  serve = startServe('0');
  [browser, aggregator, address] = await Promise.all([openBrowser(), startAggregator(), serve.dashboard()]);
  atEnd(() => browser.close());
}, 120_000);
afterAll(async () => {
  for (const tidyUp of tidyUps.reverse()) await tidyUp();
  built.remove();
});

const openPage = (options: WatchedPageOptions = {}) =>
  openWatchedPage(browser, address, {
    ...options,
    prepare: (page) => serveBuiltPage(page, address, built.folder),
  });
const get = async <Body>(path: string) => (await (await fetch(`${address}${path}`)).json()) as Body;
const overview = () => get<Overview>('/api/overview');

/** Writes a click of each of these users, at home, and resolves when the broker has them. */
async function click(...clicks: readonly { readonly userId: string; readonly url: string }[]): Promise<void> {
  await Promise.all(
    clicks.map(({ userId, url }) => {
      serial += 1;
      const event = { eventId: `${topics.id}-${serial}`, userId, url, timestamp: Date.now() };
      const value = Buffer.from(encodeClickEvent(event, 'json'));
      return topics.producer.send({ topic: topics.clicks, key: Buffer.from(userId), value });
    }),
  );
}

/** The newest totals, as another consumer than ours reads them; those that the API has are waited for. */
async function totalsOfTopic(): Promise<Map<string, number>> {
  const { users } = await get<{ users: Row[] }>('/api/users?top=1000');
  const totals = await witness.totals('', new Map(users.map(({ userId, clicks }) => [userId, clicks])));
  return new Map([...totals].map(([userId, list]) => [userId, list.at(-1) ?? 0]));
}

/** Page → clicks in the newest window, added up over the partitions. */
async function pagesOfTopic(): Promise<Map<string, number>> {
  const newest = new Map<string, { page: string; windowStart: number; clicks: number }>();
  for await (const record of readCommitted(topics, topics.pages)) {
    const key = record.key();
    if (isClosedUntilKey(key)) continue;
    const decoded = decodePageClicks(key, record.value());
    if (decoded.status === 'decoded') newest.set(String(key), decoded.value);
  }
  const windowStart = Math.max(...[...newest.values()].map((result) => result.windowStart));
  const pages = new Map<string, number>();
  for (const result of newest.values())
    if (result.windowStart === windowStart)
      pages.set(result.page, (pages.get(result.page) ?? 0) + result.clicks);
  return pages;
}

/** Users whose last click was in the last five minutes, by their newest totals. */
async function activeUsersOfTopic(): Promise<number> {
  const lastClickAt = new Map<string, number>();
  for await (const record of readCommitted(topics, topics.totals)) {
    const decoded = decodeRunningTotal(record.key(), record.value(), (name) => record.header(name));
    if (decoded.status === 'decoded') lastClickAt.set(decoded.value.userId, decoded.value.lastClickAt);
  }
  return [...lastClickAt.values()].filter((timestamp) => timestamp >= Date.now() - 300_000).length;
}

/** Sessions whose newest record is not the last. */
async function openSessionsOfTopic(): Promise<number> {
  const isOpen = new Map<string, boolean>();
  for await (const record of readCommitted(topics, topics.sessions)) {
    const decoded = decodeUserSession(record.key(), record.value());
    isOpen.set(String(record.key()), decoded.status === 'decoded' && !decoded.value.final);
  }
  return [...isOpen.values()].filter(Boolean).length;
}

/** Reason → how many. */
async function deadLettersOfTopic(): Promise<Record<string, number>> {
  const letters = await readDeadLetters(topics);
  return Object.fromEntries(
    [...Map.groupBy(letters, ({ reason }) => reason)].map(([reason, each]) => [reason, each.length]),
  );
}

/** The busiest, as the page orders them: by clicks, then by the bytes of the name. */
function busiest(counts: ReadonlyMap<string, number>): [name: string, clicks: number][] {
  return [...counts]
    .sort(([a, first], [b, second]) => second - first || Buffer.compare(Buffer.from(a), Buffer.from(b)))
    .slice(0, ROWS);
}

/** Resolves once the page has that many clicks; the API has them then too. */
async function untilShown(page: Page, clicks: number): Promise<void> {
  await expect.poll(() => numberOf(page, '#total-clicks'), { timeout: STEP_TIMEOUT_MS }).toBe(clicks);
  expect((await overview()).totalClicks).toBe(clicks);
}

describe('the page, on the real apps and a real broker', { timeout: 240_000 }, () => {
  test('shows what the topics hold, as it is committed, without being loaded again', async () => {
    const page = await openPage();
    await expect.poll(() => connectionOf(page)).toBe('Live');
    await page.evaluate('window.isSamePage = true');
    // One click of which two are repeats, and what is no click.
    const repeated = encodeClickEvent(
      { eventId: `${topics.id}-repeated`, userId: 'repeated', url: '/', timestamp: Date.now() },
      'json',
    );
    for (const value of [repeated, repeated, repeated, 'no click', 'nor this'])
      await topics.producer.send({
        topic: topics.clicks,
        key: Buffer.from('repeated'),
        value: Buffer.from(value),
      });
    await untilShown(page, 1);
    const { totalClicks } = await overview();
    const producer = startApp('producer', {
      args: [
        ...['simulate', '--count', String(CLICKS), '--rate', '200', '--no-report'],
        ...['--users', String(USERS), '--pages', '8', '--skew', '1'],
      ],
      environment,
      atEnd,
    });
    const seen = new Set<number>();
    await expect
      .poll(
        async () => {
          const clicks = await numberOf(page, '#total-clicks');
          seen.add(clicks);
          return clicks;
        },
        { timeout: STEP_TIMEOUT_MS },
      )
      .toBe(totalClicks + CLICKS);
    // It took 3 s to write them.
    expect(seen.size).toBeGreaterThan(3);
    expect((await producer.ended).exitCode).toBe(0);

    const totals = await totalsOfTopic();
    expect([...totals.values()].reduce((sum, clicks) => sum + clicks, 0)).toBe(totalClicks + CLICKS);
    expect(await overview()).toMatchObject({
      totalClicks: totalClicks + CLICKS,
      users: totals.size,
      lagRecords: 0,
      books: { counted: totalClicks + CLICKS, balances: true },
    });
    const { users } = await get<{ users: Row[] }>('/api/users?top=1000');
    expect(new Map(users.map(({ userId, clicks }) => [userId, clicks]))).toEqual(totals);
    await expect.poll(() => rowsOf(page, '#top-users')).toEqual(busiest(totals));
    const pages = await pagesOfTopic();
    expect(pages.size).toBeGreaterThanOrEqual(8);
    const body = await get<{ pages: { page: string; clicks: number }[] }>('/api/pages?top=1000');
    expect(new Map(body.pages.map((row) => [row.page, row.clicks]))).toEqual(pages);
    await expect.poll(() => rowsOf(page, '#top-pages')).toEqual(busiest(pages));
    expect(await numberOf(page, '#lag-records')).toBe(0);
    expect(await textOf(page, '#users')).toBe(`by ${totals.size} users`);

    const allRead = await untilAllRead(topics, totalClicks + CLICKS + 4, aggregator);
    const { read, counted, duplicate, rejected } = sumOfBooks(allRead);
    const books = [read, counted, duplicate, rejected];
    expect(books).toEqual([totalClicks + CLICKS + 4, totalClicks + CLICKS, 2, 2]);
    expect(await get('/api/books')).toMatchObject({ read, counted, duplicate, rejected, inFlight: 0 });
    const booksShown = async () =>
      (await textOf(page, '#books')).match(/\d[\d,]*/g)?.map((number) => Number(number.replaceAll(',', '')));
    await expect.poll(booksShown).toEqual(books);
    expect(await textOf(page, '#books')).toContain('the books balance');
    const letters = await deadLettersOfTopic();
    expect(letters).toEqual({ malformed: 2 });
    expect((await overview()).deadLetters.byReason).toEqual(letters);
    const lettersShown = async () => {
      const [reasons, counts] = await Promise.all(
        ['.reason', '.count'].map((part) => page.locator(`#dead-letters ${part}`).allInnerTexts()),
      );
      return Object.fromEntries(reasons?.map((reason, index) => [reason, Number(counts?.[index])]) ?? []);
    };
    await expect.poll(lettersShown).toEqual(letters);
    const [openSessions, activeUsers] = await Promise.all([openSessionsOfTopic(), activeUsersOfTopic()]);
    expect(openSessions).toBe(totals.size);
    expect(await overview()).toMatchObject({ openSessions, activeUsers5m: activeUsers });
    expect(await textOf(page, '#open-sessions')).toBe(
      `${openSessions} open sessions; over after 30 min idle`,
    );
    expect(await numberOf(page, '#active-users')).toBe(activeUsers);
    expect(await page.evaluate('window.isSamePage')).toBe(true);
  });

  test('shows a count soon after it is committed', async ({ annotate }) => {
    const page = await openPage();
    await expect.poll(() => connectionOf(page)).toBe('Live');
    const { totalClicks } = await overview();
    await page.evaluate(() => {
      const shownAt: Record<string, number> = {};
      const total = document.getElementById('total-clicks');
      if (!total) throw new Error('there is no total');
      new MutationObserver(() => {
        shownAt[total.textContent.replaceAll(',', '')] ??= Date.now();
      }).observe(total, { childList: true, characterData: true, subtree: true });
      Object.assign(window, { shownAt });
    });
    const rounds = 12;
    const lateness = watchLateness();
    for (let round = 1; round <= rounds; round += 1) {
      await sleep(QUIET_MS);
      await click({ userId: `soon-${round}`, url: '/soon' });
      await expect.poll(() => numberOf(page, '#total-clicks'), { interval: 20 }).toBe(totalClicks + round);
    }
    const shownAt = await page.evaluate<Record<string, number>>('shownAt');
    // A total is written before its transaction is committed, so that its time makes the wait seem longer, never shorter.
    const writtenAt = new Map<string, number>();
    for await (const record of readCommitted(topics, topics.totals))
      writtenAt.set(String(record.key()), record.timestampMs);
    const waits = Array.from({ length: rounds }, (_, index) => {
      const written = writtenAt.get(`soon-${index + 1}`) ?? NaN;
      return (shownAt[totalClicks + index + 1] ?? NaN) - written;
    }).sort((first, second) => first - second);
    const median = waits[rounds / 2] ?? NaN;
    const lateMs = lateness.mean();
    await annotate(
      `from a total that is written to the page: ${waits.join(', ')} ms; a timer is ${lateMs.toFixed(1)} ms late`,
    );
    expect(median).toBeLessThan(250 + WAITS_FOR_A_CORE * lateMs);
  });

  test('leaves what was typed text, and executes none of it', async () => {
    const page = await openPage();
    await expect.poll(() => connectionOf(page)).toBe('Live');
    const { totalClicks } = await overview();
    const scripts = await page.evaluate(() => document.scripts.length);
    // More than anybody else has, so that they are on top, in this order.
    const clicks = HOSTILE_TEXTS.flatMap((text, index) =>
      Array.from({ length: MOST_CLICKS - index }, () => ({ userId: text, url: urlOf(text) })),
    );
    await click(...clicks);
    await untilShown(page, totalClicks + clicks.length);
    const shown = HOSTILE_TEXTS.map(shownHostile);
    await expect
      .poll(async () => (await rowsOf(page, '#top-users')).slice(0, shown.length))
      .toEqual(shown.map((text, index) => [text, MOST_CLICKS - index]));
    await topics.producer.send({ topic: topics.clicks, key: null, value: Buffer.from('no click') });
    await expect.poll(() => textOf(page, '#dead-letters .reason')).toBe('malformed');
    await page.locator('#dead-letters summary').first().click();
    for (const text of HOSTILE_REJECTED_TEXTS) {
      await topics.producer.send({ topic: topics.clicks, key: null, value: Buffer.from(text) });
      await expect
        .poll(async () => (await textOf(page, '#dead-letters .excerpt')).slice(0, 400))
        .toBe(shownHostile(text).slice(0, 400));
    }
    for (const [index, text] of HOSTILE_TEXTS.entries()) {
      await click({ userId: text, url: urlOf(text) });
      // The newest click, by a name that nobody else has.
      await expect
        .poll(() => page.locator('.clicks-list li').first().locator('.typed').allInnerTexts())
        .toEqual([shown[index], shownHostile(urlOf(text))]);
      await page.getByLabel('User id').fill(text);
      await page.getByRole('button', { name: 'Look up', exact: true }).click();
      await expect.poll(() => page.locator('.user-id').allInnerTexts()).toEqual([shown[index]]);
    }
    expect(await page.evaluate('window.isHarmed')).toBeUndefined();
    expect(await page.evaluate(() => document.scripts.length)).toBe(scripts);
    expect(await page.locator('main img, main script, main svg, main a').count()).toBe(0);
    for (const width of [375, 1_440]) {
      await page.setViewportSize({ width, height: 1_000 });
      await expectNoOverflow(page);
      await page.screenshot({ path: join(SCREENSHOTS, `pipeline-hostile-${width}.png`), fullPage: true });
    }
    await expectAccessible(page);
  });

  test('never shows anything of an aborted transaction', async () => {
    const page = await openPage();
    await expect.poll(() => connectionOf(page)).toBe('Live');
    await page.evaluate(() => {
      const look = () => {
        if (document.documentElement.outerHTML.includes('canary')) document.body.dataset['sawCanary'] = 'yes';
      };
      new MutationObserver(look).observe(document.documentElement, {
        childList: true,
        characterData: true,
        subtree: true,
      });
    });
    const [stream, clickStream] = await Promise.all([
      readSse(`${address}/api/stream`),
      readSse(`${address}/api/clicks/stream`),
    ]);
    const clicksBefore = await clicksOfRate();
    const { totalClicks } = await overview();
    // An aggregator takes nobody beside itself in its topics.
    aggregator.kill('SIGTERM');
    expect((await aggregator.ended).exitCode).toBe(0);
    await plantCanaries();
    await plantCanaryAmongResults(page);
    aggregator = await startAggregator();
    const flowing = await plantClickCanariesAmongClicks();
    const users = Array.from({ length: 40 }, (_, index) => `after-${index}`);
    expect(new Set(users.map((userId) => homePartition(Buffer.from(userId), topics.partitions))).size).toBe(
      topics.partitions,
    );
    // Read after the canaries, in every partition.
    await click(...users.map((userId) => ({ userId, url: '/after' })));
    await untilShown(page, totalClicks + flowing + users.length);

    await expect.poll(async () => (await clicksOfRate()) - clicksBefore).toBe(flowing + users.length);
    await expect.poll(async () => (await overview()).lagRecords).toBe(0);
    await expect
      .poll(() => get('/api/users/after-0'))
      .toMatchObject({ clicks: 1, sessions: [{ clicks: 1 }] });
    for (const path of ['overview', 'users?top=1000', 'pages?top=1000', 'dead-letters?limit=100'])
      expect(JSON.stringify(await get(`/api/${path}`)), path).not.toContain('canary');
    expect(await get('/api/sessions?user=canary')).toEqual({ sessions: [], complete: true });
    await expect.poll(() => JSON.stringify(clickStream.events)).toContain('after-');
    for (const { events } of [stream, clickStream]) expect(JSON.stringify(events)).not.toContain('canary');
    // What a checkpoint says is in the books only.
    for (const { data } of stream.events) {
      const { overview: figures, pages } = data as Partial<DashboardState>;
      if (figures) expect(figures.books.read).toBeLessThan(CANARY_CLICKS);
      // So does how far the windows are closed: it would make the current one final.
      if (pages) expect(pages.final).toBe(false);
    }
    expect(await get('/api/pages')).toMatchObject({ final: false });
    expect(await textOf(page, '#pages-window')).toContain('still counting');
    expect(await page.locator('body').getAttribute('data-saw-canary')).toBeNull();
    await expect.poll(() => textOf(page, '#books')).toContain('the books balance');
    await expectCanariesInTopics();
  });

  test('comes back when the server was killed, with what was counted meanwhile', async () => {
    const page = await openPage();
    await expect.poll(() => connectionOf(page)).toBe('Live');
    await page.evaluate('window.isSamePage = true');
    const { totalClicks } = await overview();
    serve.kill('SIGKILL');
    await serve.ended;
    await expect.poll(() => connectionOf(page)).toContain('Reconnecting');
    expect(await numberOf(page, '#total-clicks')).toBe(totalClicks);
    await click({ userId: 'meanwhile', url: '/meanwhile' });
    serve = startServe(new URL(address).port);
    expect(new URL(await serve.dashboard()).port).toBe(new URL(address).port);
    await untilShown(page, totalClicks + 1);
    expect(await connectionOf(page)).toBe('Live');
    await click({ userId: 'afterwards', url: '/afterwards' });
    await untilShown(page, totalClicks + 2);
    await expect.poll(() => page.locator('.clicks-list .page').first().innerText()).toBe('/afterwards');
    expect(await page.evaluate('window.isSamePage')).toBe(true);
  });
});

/** Clicks of people, and among them, in each partition, canaries in a transaction that is aborted. @returns how many people clicked */
async function plantClickCanariesAmongClicks(): Promise<number> {
  const rounds = 10;
  let abort: (() => Promise<void>) | undefined;
  for (let round = 0; round < rounds; round += 1) {
    await click(
      ...Array.from({ length: 20 }, (_, index) => ({ userId: `flowing-${index}`, url: '/flowing' })),
    );
    if (round === 3)
      abort = await openTransaction(
        topics,
        topics.clicks,
        Array.from({ length: topics.partitions }, (_, partition) => {
          const event = {
            eventId: `canary-${partition}`,
            userId: 'canary',
            url: '/canary',
            timestamp: Date.now(),
          };
          return {
            key: Buffer.from('canary'),
            value: Buffer.from(encodeClickEvent(event, 'json')),
            partition,
          };
        }),
      );
    if (round === 6) await abort?.();
  }
  return rounds * 20;
}

/** How many clicks the rate has, over all its seconds. */
async function clicksOfRate(): Promise<number> {
  const stream = await readSse(`${address}/api/stream`);
  const { data } = await stream.until(({ event }) => event === 'snapshot');
  stream.close();
  return (data as DashboardState).rate.reduce((sum, [, clicks]) => sum + clicks, 0);
}

interface Canary {
  readonly key: Buffer;
  readonly value: Buffer;
  readonly headers?: Record<string, Buffer | Buffer[]>;
}

/** Results that would be seen at once, in each partition of each result topic, in transactions that are aborted. */
async function plantCanaries(): Promise<void> {
  const windowStart = Date.now() - (Date.now() % WINDOW_SIZE_MS);
  const clicks = CANARY_CLICKS;
  const time = Date.now();
  const partitions = Array.from({ length: topics.partitions }, (_, partition) => partition);
  const bytes = ({ key, value }: { key: string; value: string }) => ({
    key: Buffer.from(key),
    value: Buffer.from(value),
  });
  const total = encodeRunningTotal(
    { userId: 'canary', clicks, lastClickAt: time, lastUrl: '/canary' },
    'json',
  );
  const session = encodeUserSession({
    ...{ userId: 'canary', start: time, end: time, clicks, entryUrl: '/canary', exitUrl: '/canary' },
    final: false,
  });
  const recordsOf: [topic: string, recordOf: (partition: number) => Canary][] = [
    [topics.totals, () => bytes(total)],
    [topics.sessions, () => bytes(session)],
    [
      topics.pages,
      (partition) =>
        bytes(
          encodePageClicks({
            ...{ page: '/canary', windowStart, windowEnd: windowStart + WINDOW_SIZE_MS, partition },
            ...{ clicks, users: 1, usersExact: true, final: false },
          }),
        ),
    ],
    [
      topics.pages,
      (partition) => {
        const closedUntil = windowStart + WINDOW_SIZE_MS;
        const { key, value } = encodeClosedUntil({
          ...{ partition, closedUntil, streamTime: closedUntil, idle: false },
        });
        return bytes({ key, value: value.replace('{', '{"canary":true,') });
      },
    ],
    [
      topics.deadLetters,
      (partition) => {
        const letter = { reason: 'malformed', detail: 'canary', topic: topics.clicks, partition } as const;
        const origin = { offset: 0n, timestampMs: time, headers: [] };
        const { key, value, headers } = encodeDeadLetter({
          ...letter,
          ...origin,
          key: Buffer.from('canary'),
          value: Buffer.from('canary'),
        });
        if (!key || !value) throw new Error('the canary is too large');
        return { key, value, headers };
      },
    ],
    [
      topics.checkpoint,
      () =>
        bytes({
          key: 'canary',
          value: JSON.stringify({
            ...{ sequence: clicks, input: { position: String(clicks) }, canary: true },
            books: { read: clicks, counted: clicks, rejected: 0 },
          }),
        }),
    ],
  ];
  for (const [topic, recordOf] of recordsOf) {
    const abort = await openTransaction(
      topics,
      topic,
      partitions.map((partition) => ({ ...recordOf(partition), partition })),
    );
    await abort();
  }
}

/**
 * A total that stays in an open transaction, with a committed one of another user behind it, until the broker aborts it: what is
 * committed may be seen from then on, and not before, since nobody knows how the transaction will end.
 */
async function plantCanaryAmongResults(page: Page): Promise<void> {
  const lastUrl = async () => (await get<{ lastUrl: string }>('/api/users/soon-1')).lastUrl;
  const { clicks, lastClickAt } = await get<RunningTotal>('/api/users/soon-1');
  expect(await lastUrl()).toBe('/soon');
  const partition = homePartition(Buffer.from('soon-1'), topics.partitions);
  const recordOf = (userId: string, total: Omit<RunningTotal, 'userId'>) => {
    const { key, value } = encodeRunningTotal({ userId, ...total }, 'json');
    return { key: Buffer.from(key), value: Buffer.from(value) };
  };
  const canary = recordOf('canary', { clicks: CANARY_CLICKS, lastClickAt, lastUrl: '/canary' });
  await openTransaction(topics, topics.totals, [{ ...canary, partition }], LEFT_OPEN_MS);
  // The very total that is there, but for its url: the aggregator finds its sums as they were.
  const among = recordOf('soon-1', { clicks, lastClickAt, lastUrl: '/among' });
  const { connection, log } = topics;
  const producer = await createRecordProducer([topics.totals], { connection, log });
  onTestFinished(() => producer.close());
  await producer.send({ topic: topics.totals, ...among });
  await sleep(LEFT_OPEN_MS / 3);
  expect(await lastUrl()).toBe('/soon');
  await expect.poll(lastUrl, { timeout: STEP_TIMEOUT_MS }).toBe('/among');
  expect(await page.locator('body').innerText()).not.toContain('canary');
}

/** How late a timer of this process is, which is how long whoever has something to do waits for a core. */
function watchLateness() {
  const intervalMs = 20;
  let [dueAt, count, sum] = [performance.now() + intervalMs, 0, 0];
  const timer = setInterval(() => {
    const now = performance.now();
    count += 1;
    sum += Math.max(0, now - dueAt);
    dueAt = now + intervalMs;
  }, intervalMs);
  onTestFinished(() => {
    clearInterval(timer);
  });
  return { mean: () => sum / count };
}

/** The canaries were there to be seen. */
async function expectCanariesInTopics(): Promise<void> {
  const reader = await createPartitionReader({
    connection: topics.connection,
    log: topics.log,
    isolation: 'read_uncommitted',
  });
  onTestFinished(() => reader.close());
  const { clicks, totals, pages, sessions, deadLetters, checkpoint } = topics;
  for (const topic of [clicks, totals, pages, sessions, deadLetters, checkpoint])
    for (const [partition, to] of (await reader.endOffsets(topic)).entries()) {
      let canaries = 0;
      for await (const batch of reader.read({ topic, partition, from: 0n, to }))
        for (const record = batch.walk(); record.next();)
          if (record.value()?.includes('canary')) canaries += 1;
      // Of pages, how far they are closed as well; of totals, the one that was left open.
      const isTwo =
        topic === pages ||
        (topic === totals && partition === homePartition(Buffer.from('soon-1'), topics.partitions));
      expect(canaries, `${topic} [${partition}]`).toBe(isTwo ? 2 : 1);
    }
}
