import { once } from 'node:events';
import {
  createLogger,
  createRecordProducer,
  ensureTopics,
  internalTopics,
  type PartitionReader,
} from '@clickstream/kafka-client';
import { createTopicSpecs, encodeClosedUntil, encodePageClicks } from '@clickstream/schema';
import { expect, inject, onTestFinished, test, vi } from 'vitest';
import { readConfig, type Config } from '../../src/config.ts';
import type { FeedName } from '../../src/core/views/click-views.ts';
import { FeedSilence } from '../../src/serve/feed-silence.ts';
import { feedViews } from '../../src/serve/feed-views.ts';
import { openViews } from '../../src/serve/open-views.ts';
import { createTestTopics } from '../test-topics.ts';

const MINUTE = 60_000;
const WINDOWS = 600;
const PAGES = 30;

const brokers = inject('kafkaBrokers');
const log = createLogger('test', { LOG_LEVEL: 'silent' }, false);
const connection = { brokers: [brokers], clientId: 'test' };

/** Views that are fed until the test ends. */
async function startFeeding(
  config: Config,
  now: () => number = () => Date.now(),
  wrap: (reader: PartitionReader) => PartitionReader = (reader) => reader,
  silence = new FeedSilence(),
) {
  const over = new AbortController();
  const opened = await openViews(config, log, over.signal, now);
  const { views } = opened;
  const read: Partial<Record<FeedName | 'clicks', number>> = {};
  const target = new EventTarget();
  let changes = 0;
  const changed = () => {
    changes += 1;
    target.dispatchEvent(new Event('change'));
  };
  let isWhole = false;
  const feeding = feedViews({
    ...opened,
    reader: wrap(opened.reader),
    log,
    signal: over.signal,
    silence,
    now,
    onChange: changed,
    onWhole: () => {
      isWhole = true;
      changed();
    },
    onClick: () => undefined,
    onRecords: (feed, count) => {
      read[feed] = (read[feed] ?? 0) + count;
    },
  });
  onTestFinished(async () => {
    over.abort();
    await feeding;
    await opened.reader.close();
  });
  return {
    views,
    read,
    isWhole: () => isWhole,
    changes: () => changes,
    until: async (isSo: () => boolean) => {
      while (!isSo()) await Promise.race([once(target, 'change'), feeding]);
    },
  };
}

test('begins with the newest windows, and has these whole', { timeout: 240_000 }, async () => {
  const topics = await createTestTopics(brokers, { partitions: 1 });
  const config = readConfig(topics.environment);
  const { PAGE_CLICK_AGGREGATION_TOPIC: spec } = createTopicSpecs(config);
  await ensureTopics({ connection, log, topics: [spec], partitions: 1 });
  const producer = await createRecordProducer([topics.pages], { connection, log });
  onTestFinished(() => producer.close());
  const send = ({ key, value }: { key: string; value: string }) =>
    producer.send({ topic: topics.pages, partition: 0, key: Buffer.from(key), value: Buffer.from(value) });
  const sent: Promise<unknown>[] = [];
  for (let window = 0; window < WINDOWS; window += 1) {
    const windowStart = window * MINUTE;
    for (let page = 0; page < PAGES; page += 1) {
      const share = {
        page: `/${page}`,
        windowStart,
        windowEnd: windowStart + MINUTE,
        partition: 0,
        clicks: 2,
      };
      sent.push(send(encodePageClicks({ ...share, users: 1, usersExact: true, final: true })));
    }
  }
  const closed = { partition: 0, closedUntil: WINDOWS * MINUTE, streamTime: WINDOWS * MINUTE, idle: false };
  sent.push(send(encodeClosedUntil(closed)));
  await Promise.all(sent);

  const { views, read, until } = await startFeeding(config);
  await until(() => views.isReady);

  expect(read.pages).toBeLessThan((WINDOWS * PAGES) / 2);
  const windows = views.pages.window((WINDOWS - 1) * MINUTE, 1)?.windows ?? [];
  expect(windows).toHaveLength(60);
  for (const start of windows)
    expect(views.pages.window(start, 1)).toMatchObject({
      clicks: 2 * PAGES,
      totalPages: PAGES,
      complete: true,
      final: true,
    });
});

test('is ready with the newest checkpoints, and whole with the rate of the past and the age of what waits', async () => {
  const topics = await createTestTopics(brokers, { partitions: 2 });
  const { checkpoint } = internalTopics(topics.applicationId);
  await ensureTopics({ connection, log, topics: [checkpoint], partitions: 2 });
  const producer = await createRecordProducer([checkpoint.name], { connection, log });
  onTestFinished(() => producer.close());
  const books = { read: 1, counted: 1, rejected: 0 };
  for (const partition of [0, 1]) {
    const value = JSON.stringify({ sequence: 1, input: { position: '1' }, books });
    await producer.send({
      topic: checkpoint.name,
      partition,
      key: Buffer.from(String(partition)),
      value: Buffer.from(value),
    });
  }
  const click = 'User a clicked on /page1 at 1.5';
  await topics.write(...[0, 0, 0, 1].map((partition) => topics.click(click, partition)));
  // The clock stands still, two seconds later.
  const nowMs = Date.now() + 2_000;
  const { views, isWhole, until } = await startFeeding(readConfig(topics.environment), () => nowMs);
  await until(() => views.isReady);
  expect(views.overview(nowMs)).toMatchObject({ books: { partitions: 2, counted: 2, balances: true } });
  await until(isWhole);
  const { clicksPerSecond, lagRecords, oldestWaitingSeconds } = views.overview(nowMs);
  expect(clicksPerSecond).toBe(0.8);
  expect(lagRecords).toBe(2);
  expect(oldestWaitingSeconds).toBeGreaterThanOrEqual(2);
});

test('is ready however long the dead letters take to read, and says when it has them all', async () => {
  const topics = await createTestTopics(brokers, { partitions: 2 });
  await topics.write(topics.total('a', 3), topics.letter({ reason: 'late', partition: 1 }));
  const config = readConfig(topics.environment);
  const letters = withholding(topics.deadLetters);
  const { views, isWhole, until } = await startFeeding(config, undefined, letters.wrap);
  await until(() => views.isReady);
  expect(views.overview(0)).toMatchObject({ totalClicks: 3, deadLetters: { total: 0, complete: false } });
  letters.release();
  await until(isWhole);
  expect(views.overview(0)).toMatchObject({ deadLetters: { byReason: { late: 1 }, complete: true } });
});

test('takes a click for no change of its own, so that its total need not wait for the next', async () => {
  const topics = await createTestTopics(brokers, { partitions: 1 });
  const { read, isWhole, until, changes } = await startFeeding(readConfig(topics.environment));
  await until(isWhole);
  const before = changes();
  await topics.write(topics.click('User a clicked on /page1 at 1.5'));
  await expect.poll(() => read.clicks).toBe(1);
  expect(changes()).toBe(before);
  await topics.write(topics.total('a', 1));
  await until(() => read.totals === 1);
  expect(changes()).toBe(before + 1);
});

test('knows which partition is silent while others go on', async () => {
  const topics = await createTestTopics(brokers, { partitions: 2 });
  let elapsedMs = 0;
  const silence = new FeedSilence(() => elapsedMs);
  const heard = vi.spyOn(silence, 'heard');
  const letters = withholding(topics.deadLetters);
  const { isWhole, until, views } = await startFeeding(
    readConfig(topics.environment),
    undefined,
    letters.wrap,
    silence,
  );
  await until(() => views.isReady);
  const places = () => new Set(heard.mock.calls.map((call) => call.join(' ')));
  await expect.poll(() => places().has(`${topics.deadLetters} 1`)).toBe(true);
  // The letters are waited for; all others answer although they are empty.
  elapsedMs = 12_000;
  heard.mockClear();
  await expect.poll(() => places().size).toBe(8);
  expect(silence.longest()?.silenceMs).toBe(12_000);
  expect(silence.longest()?.name).toMatch(topics.deadLetters);
  letters.release();
  await until(isWhole);
  await expect.poll(() => silence.longest()?.silenceMs).toBe(0);
});

/** Lets a reader wait before it reads one topic. */
function withholding(topic: string) {
  const { promise: released, resolve } = Promise.withResolvers<undefined>();
  return {
    release: () => {
      resolve(undefined);
    },
    wrap: (reader: PartitionReader): PartitionReader => ({
      ...{ partitionCount: (name) => reader.partitionCount(name), silenceMs: () => reader.silenceMs() },
      ...{ startOffsets: (name) => reader.startOffsets(name), endOffsets: (name) => reader.endOffsets(name) },
      logBounds: (name, partition) => reader.logBounds(name, partition),
      offsetsAtTime: (name, timestampMs) => reader.offsetsAtTime(name, timestampMs),
      close: () => reader.close(),
      async *read(range, signal) {
        if (range.topic === topic) await released;
        yield* reader.read(range, signal);
      },
    }),
  };
}
