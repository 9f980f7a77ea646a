import { once } from 'node:events';
import { createLogger, createRecordProducer, ensureTopics } from '@clickstream/kafka-client';
import { createTopicSpecs, encodeClosedUntil, encodePageClicks } from '@clickstream/schema';
import { expect, inject, onTestFinished, test } from 'vitest';
import { readConfig } from '../../src/config.ts';
import type { FeedName } from '../../src/core/views/click-views.ts';
import { feedViews } from '../../src/serve/feed-views.ts';
import { openViews } from '../../src/serve/open-views.ts';
import { createTestTopics } from '../test-topics.ts';

const MINUTE = 60_000;
const WINDOWS = 600;
const PAGES = 30;

test('begins with the newest windows, and has these whole', { timeout: 60_000 }, async () => {
  const log = createLogger('test', { LOG_LEVEL: 'silent' }, false);
  const brokers = inject('kafkaBrokers');
  const topics = await createTestTopics(brokers, { partitions: 1 });
  const connection = { brokers: [brokers], clientId: 'test' };
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

  const over = new AbortController();
  const now = () => Date.now();
  const opened = await openViews(config, log, over.signal, now());
  const { views } = opened;
  const read: Partial<Record<FeedName | 'clicks', number>> = {};
  const changes = new EventTarget();
  const feeding = feedViews({
    ...opened,
    log,
    signal: over.signal,
    now,
    onChange: () => changes.dispatchEvent(new Event('change')),
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
  while (!views.isReady) await Promise.race([once(changes, 'change'), feeding]);

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
