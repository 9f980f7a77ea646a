import { findFreePort } from '@clickstream/local-kafka';
import { decodePageClicks, isClosedUntilKey, OTHER_PAGES } from '@clickstream/schema';
import {
  assertBooks,
  assertVerified,
  createClickLoad,
  createRandomSource,
  readCommitted,
  startAggregator,
  untilAllRead,
  type TestTopics,
} from '@clickstream/test-harness';
import { describe, test } from 'vitest';
import { createTestTopics } from './test-topics.ts';

const ROUNDS = Number(process.env['TEST_ROUNDS'] ?? 3);
const SEED = Number(process.env['TEST_SEED'] ?? Date.now() % 1_000_000);
const START_MS = 1_700_000_000_000;
/** Handed to the producer at once. */
const SLICE = 5_000;

const CLICKS = ROUNDS > 3 ? 1_000_000 : 100_000;
const USERS = 200;
const MAX_PAGES = 500;
/** All urls of a flood are more than the process may have, so that it ends if it keeps them. */
const HEAP_MB = 80;
/** Urls of a length, with so many pages of it that a window keeps apart, and so many clicks on them. */
const FLOODS = [
  { urlLength: 200, keptPages: MAX_PAGES, clicks: CLICKS },
  // Pages have 256 characters on average, and 8,192 beside.
  { urlLength: 8_000, keptPages: Math.floor((8_192 + 256 * MAX_PAGES) / 8_000), clicks: CLICKS / 20 },
];

/** Samples of a metric, by their labels. */
async function readMetric(port: number, name: string): Promise<Map<string, number>> {
  const response = await fetch(`http://127.0.0.1:${port}/metrics`);
  return new Map(
    [...(await response.text()).matchAll(/^(\w+)(\{.*\})? (\S+)$/gm)].flatMap(
      ([, metric, labels = '', value]) => (metric === name ? [[labels, Number(value)] as const] : []),
    ),
  );
}

/** Newest clicks of each page window, by page, all windows and partitions together. */
async function clicksByPage(topics: TestTopics): Promise<Map<string, number>> {
  const newest = new Map<string, { page: string; clicks: number }>();
  for await (const record of readCommitted(topics, topics.pages)) {
    const key = record.key();
    if (isClosedUntilKey(key)) continue;
    const decoded = decodePageClicks(key, record.value());
    if (decoded.status === 'malformed') throw new Error(decoded.detail);
    newest.set(String(key), decoded.value);
  }
  const sums = new Map<string, number>();
  for (const { page, clicks } of newest.values()) sums.set(page, (sums.get(page) ?? 0) + clicks);
  return sums;
}

describe('numbers stay right and memory bounded', { timeout: 240_000 + CLICKS }, () => {
  test.for(FLOODS)(
    'when every click has another url, of $urlLength characters',
    async (flood, { expect, onTestFinished }) => {
      const { urlLength, keptPages, clicks } = flood;
      const topics = await createTestTopics({ topicPrefix: 'totals-' }, onTestFinished);
      const load = createClickLoad(topics, createRandomSource(SEED));
      const port = await findFreePort();
      const aggregator = startAggregator(topics, {
        nodeOptions: [`--max-old-space-size=${HEAP_MB}`],
        environment: {
          HEALTH_PORT: String(port),
          MAX_PAGES_PER_WINDOW: String(MAX_PAGES),
          PAGE_KEY: 'url',
          // The last windows are to be open when they are looked at.
          IDLE_TIMEOUT_MS: '600000',
        },
      });
      await aggregator.ready();
      for (let first = 0; first < clicks; first += SLICE)
        await Promise.all(
          Array.from({ length: SLICE }, (_, index) => {
            const number = first + index;
            const userId = `${topics.id}-${number % USERS}`;
            const url = `/${number}?`.padEnd(urlLength, 'x');
            return load.writeEvent({ eventId: `e-${number}`, userId, url, timestamp: START_MS + number });
          }),
        );
      await untilAllRead(topics, load.written, aggregator);

      // A window and the one before it, within its grace.
      const sums = await readMetric(port, 'clickstream_state_sum');
      for (let partition = 0; partition < topics.partitions; partition++) {
        const openPages = sums.get(`{partition="${partition}",sum="openPages"}`);
        expect(openPages).toBeGreaterThan(keptPages);
        expect(openPages).toBeLessThanOrEqual(2 * (keptPages + 1));
      }
      const pages = await clicksByPage(topics);
      const other = pages.get(OTHER_PAGES);
      pages.delete(OTHER_PAGES);
      // Each page that is kept apart has its one click.
      expect([...pages.values()].every((clicksOfPage) => clicksOfPage === 1)).toBe(true);
      expect(other).toBe(clicks - pages.size);
      const windows = Math.ceil((START_MS + clicks) / 60_000) - Math.floor(START_MS / 60_000);
      expect(pages.size).toBe(windows * topics.partitions * keptPages);
      expect(await assertBooks(topics, load.written)).toMatchObject({ counted: clicks, late: 0 });
      await assertVerified(topics);
    },
  );

  test('when one user makes half of the clicks', async ({ expect, onTestFinished }) => {
    const topics = await createTestTopics({ topicPrefix: 'totals-' }, onTestFinished);
    const load = createClickLoad(topics, createRandomSource(SEED));
    const port = await findFreePort();
    const aggregator = startAggregator(topics, {
      nodeOptions: [`--max-old-space-size=${HEAP_MB}`],
      environment: { HEALTH_PORT: String(port) },
    });
    await aggregator.ready();
    const clicks = CLICKS / 2;
    for (let first = 0; first < clicks; first += SLICE)
      await Promise.all(
        Array.from({ length: SLICE }, (_, index) => {
          const number = first + index;
          const userId = `${topics.id}-${number % 2 === 0 ? 'flood' : number % USERS}`;
          const url = `/page${number % 9}`;
          return load.writeEvent({ eventId: `e-${number}`, userId, url, timestamp: START_MS + number });
        }),
      );
    await untilAllRead(topics, load.written, aggregator);

    expect(load.answer.get(`${topics.id}-flood`)).toBe(clicks / 2);
    const sums = await readMetric(port, 'clickstream_state_sum');
    const total = (name: string) =>
      [...sums].reduce((sum, [labels, value]) => (labels.includes(`sum="${name}"`) ? sum + value : sum), 0);
    expect(total('clicks')).toBe(clicks);
    expect(total('openSessions')).toBe(load.answer.size);
    const memory = await readMetric(port, 'clickstream_state_memory');
    const size = (of: string) =>
      [...memory].reduce((sum, [labels, value]) => (labels.includes(`of="${of}"`) ? sum + value : sum), 0);
    expect(size('rememberedIds')).toBe(clicks);
    expect(size('rememberedIdBytes')).toBeLessThanOrEqual(24 * clicks + topics.partitions * 160 * 1024);
    expect(await assertBooks(topics, load.written)).toMatchObject({ counted: clicks, late: 0 });
    await assertVerified(topics);
  });
});
