import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { createRecordProducer, ensureTopics } from '@clickstream/kafka-client';
import {
  createTopicSpecs,
  encodeClickEvent,
  encodeClosedUntil,
  encodePageClicks,
  encodeRunningTotal,
  encodeUserSession,
  type TopicNames,
} from '@clickstream/schema';
import { openTransaction } from '@clickstream/test-harness';
import { dashboardAddress } from '../dashboard-address.ts';
import type { Fault } from '../fault.ts';
import { stopWithin } from '../stop-within.ts';

/** A time, a window and a count, all of which nothing else on the page has. */
const CANARY = { text: 'canary', number: 4_102_444_801_234, seen: /canary|4102444\d{6}/ };
const MINUTE_MS = 60_000;
/** Longer than any interval at which a page is told. */
const OPEN_MS = 1_000;
const LOOK_MS = 100;
const PATHS = [
  'users',
  'pages?window=current',
  'overview',
  'books',
  'dead-letters',
  `sessions?user=${CANARY.text}`,
];

export const canariesOnThePage: Fault = {
  name: 'canaries-on-the-page',
  title: 'a page never shows what aborted transactions hold, which stay open between clicks and results',
  rounds: 10,
  seconds: { round: 3, fixed: 10 },
  async run({ pause, rounds, topics, signal, startAggregator, startApp, keepWriting, recover, report }) {
    const { connection, log, partitions } = topics;
    const aggregator = startAggregator();
    await aggregator.ready();
    keepWriting(100);
    // Nobody but the aggregator may write to its results: the page shows some of the fault's own.
    const names = ownResults(topics.clicks);
    const { CLICKSTREAM_TOPIC, ...results } = createTopicSpecs(names);
    const specs = [CLICKSTREAM_TOPIC, ...Object.values(results)] as const;
    await ensureTopics({ connection, log, topics: specs, partitions });
    const producer = await createRecordProducer(Object.values(names), { connection, log });
    topics.atEnd(() => producer.close());
    const page = startApp('results-consumer', ['serve'], { ...names, DASHBOARD_PORT: '0' });
    const address = await dashboardAddress(page);
    const get = async (path: string) => (await fetch(`${address}/api/${path}`)).text();
    const streams = ['stream', 'clicks/stream'].map((path) => watch(`${address}/api/${path}`, signal));

    for (let round = 1; round <= rounds; round++) {
      const aborts = await Promise.all(
        Object.entries(recordsOf(CANARY.text, CANARY.number)).map(([name, records]) =>
          openTransaction(topics, names[name as keyof TopicNames], [
            ...records.flatMap((record) =>
              Array.from({ length: partitions }, (_, partition) => ({ ...record, partition })),
            ),
          ]),
        ),
      );
      const { USER_CLICK_AGGREGATION_TOPIC: totals, PAGE_CLICK_AGGREGATION_TOPIC: pages } = recordsOf(
        'shown',
        round * MINUTE_MS,
      );
      for (const record of totals)
        await producer.send({ ...record, topic: names.USER_CLICK_AGGREGATION_TOPIC });
      for (const record of pages)
        await producer.send({ ...record, topic: names.PAGE_CLICK_AGGREGATION_TOPIC, partition: 0 });
      await pause(OPEN_MS);
      assertNoCanary((await Promise.all(PATHS.map(get))).join());
      for (const abort of aborts) await abort();
      // What stood behind the canaries comes to be seen.
      while (!(await get('users')).includes(`"clicks":${round * MINUTE_MS}`)) await pause(LOOK_MS);
      assertNoCanary((await Promise.all(PATHS.map(get))).join());
    }
    await pause(OPEN_MS);
    for (const { text } of streams) assertNoCanary(text);
    assert.match(streams[0]?.text ?? '', /"userId":"shown"/);
    assert.match(streams[1]?.text ?? '', new RegExp(`"userId":"${topics.id}-`));
    report(`${streams.reduce((sum, { text }) => sum + text.length, 0)} characters shown`);
    await stopWithin(page);
    await recover(aggregator);
  },
};

function ownResults(clicks: string): TopicNames {
  const id = randomUUID().slice(0, 8);
  return {
    CLICKSTREAM_TOPIC: clicks,
    USER_CLICK_AGGREGATION_TOPIC: `shown-totals-${id}`,
    PAGE_CLICK_AGGREGATION_TOPIC: `shown-pages-${id}`,
    USER_SESSION_AGGREGATION_TOPIC: `shown-sessions-${id}`,
    DEAD_LETTER_TOPIC: `shown-dead-letters-${id}`,
  };
}

/** A record of each kind with this text wherever there is text, and this number wherever there is a number. */
function recordsOf(text: string, number: number): Record<keyof TopicNames, { key: Buffer; value: Buffer }[]> {
  const url = `/${text}`;
  const record = ({ key, value }: { key: string; value: string }) => ({
    key: Buffer.from(key),
    value: Buffer.from(value),
  });
  const windowStart = number - (number % MINUTE_MS);
  const window = { windowStart, windowEnd: windowStart + MINUTE_MS, partition: 0 };
  const session = { start: number, end: number, clicks: number, entryUrl: url, exitUrl: url, final: true };
  const click = { eventId: text, userId: text, url, timestamp: number };
  return {
    CLICKSTREAM_TOPIC: [record({ key: text, value: encodeClickEvent(click, 'json') })],
    USER_CLICK_AGGREGATION_TOPIC: [
      record(encodeRunningTotal({ userId: text, clicks: number, lastClickAt: number, lastUrl: url }, 'json')),
    ],
    PAGE_CLICK_AGGREGATION_TOPIC: [
      record(
        encodePageClicks({ page: url, ...window, clicks: number, users: 1, usersExact: true, final: true }),
      ),
      record(encodeClosedUntil({ partition: 0, closedUntil: number, streamTime: number, idle: false })),
    ],
    USER_SESSION_AGGREGATION_TOPIC: [record(encodeUserSession({ userId: text, ...session }))],
    DEAD_LETTER_TOPIC: [record({ key: text, value: text })],
  };
}

/** Reads a stream until the fault is over. */
function watch(url: string, signal: AbortSignal): { readonly text: string } {
  const watched = { text: '' };
  const read = async () => {
    const { body } = await fetch(url, { signal });
    if (!body) return;
    for await (const part of body.pipeThrough(new TextDecoderStream())) watched.text += part;
  };
  read().catch(() => undefined); // it ends with the app
  return watched;
}

/** @throws AssertionError with what is around a canary */
function assertNoCanary(text: string): void {
  const { index } = CANARY.seen.exec(text) ?? {};
  assert.equal(
    index,
    undefined,
    `a canary is shown: ${text.slice(Math.max(0, (index ?? 0) - 200), (index ?? 0) + 200)}`,
  );
}
