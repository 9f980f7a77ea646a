import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { homePartition, type RecordCursor } from '@clickstream/kafka-client';
import { decodePageClicks, decodeUserSession, isClosedUntilKey } from '@clickstream/schema';
import {
  assertBooks,
  assertVerified,
  createClickLoad,
  createRandomSource,
  type TestTopics,
} from '@clickstream/test-harness';
import { expect, test } from 'vitest';
import { runInProcess } from './run-in-process.ts';
import { createTestTopics } from './test-topics.ts';

const ROUNDS = Math.max(2, Math.ceil(Number(process.env['TEST_ROUNDS'] ?? 3) / 2));
const SEED = Number(process.env['TEST_SEED'] ?? Date.now() % 1_000_000);
const WINDOW_MS = 2_000;
const GRACE_MS = 1_000;
const IDLE_TIMEOUT_MS = 1_200;
const SESSION_GAP_MS = 1_500;
/** What it may take beyond what the settings say. */
const SLACK_MS = 1_000;
/** So many that each partition is the home of some. */
const USERS = 100;
const CLICK_EVERY_MS = 4;
const WAIT_LIMIT_MS = 180_000;

interface Finals {
  /** When each was seen committed, ms since the epoch: of windows by partition and start, of sessions by user and end. */
  readonly seenAt: ReadonlyMap<string, number>;
  /** The longest time without an answer of the broker, ms, empty ones included. */
  longestSilenceMs: number;
}

/** Watches for final results. */
function watchFinals(topics: TestTopics, signal: AbortSignal): Finals {
  const seenAt = new Map<string, number>();
  const finals: Finals = { seenAt, longestSilenceMs: 0 };
  let answeredAt = performance.now();
  const follow = async (
    topic: string,
    partition: number,
    finalOf: (record: RecordCursor) => string | undefined,
  ) => {
    for await (const batch of topics.reader.read({ topic, partition, from: 0n }, signal)) {
      finals.longestSilenceMs = Math.max(finals.longestSilenceMs, performance.now() - answeredAt);
      answeredAt = performance.now();
      for (const record = batch.walk(); record.next();) {
        const name = finalOf(record);
        if (name !== undefined) seenAt.set(name, Date.now());
      }
    }
  };
  const finalPage = (record: RecordCursor) => {
    if (isClosedUntilKey(record.key())) return undefined;
    const decoded = decodePageClicks(record.key(), record.value());
    if (decoded.status === 'malformed' || !decoded.value.final) return undefined;
    return windowName(decoded.value.partition, decoded.value.windowStart);
  };
  const finalSession = (record: RecordCursor) => {
    const decoded = decodeUserSession(record.key(), record.value());
    if (decoded.status === 'malformed' || !decoded.value.final) return undefined;
    return sessionName(decoded.value.userId, decoded.value.end);
  };
  for (let partition = 0; partition < topics.partitions; partition++) {
    void follow(topics.pages, partition, finalPage);
    void follow(topics.sessions, partition, finalSession);
  }
  return finals;
}

const windowName = (partition: number, start: number) => `window ${start} of partition ${partition}`;
const sessionName = (userId: string, end: number) => `session of ${userId} until ${end}`;

test(
  'the last windows and sessions close in time when no click follows',
  { timeout: 240_000 + 30_000 * ROUNDS },
  async ({ onTestFinished }) => {
    process.stderr.write(`idle-close: TEST_SEED=${SEED} TEST_ROUNDS=${ROUNDS}\n`);
    const random = createRandomSource(SEED);
    const topics = await createTestTopics({ topicPrefix: 'totals-' }, onTestFinished);
    const load = createClickLoad(topics, random);
    const aggregator = runInProcess(topics, {
      environment: {
        WINDOW_SIZE_MS: String(WINDOW_MS),
        GRACE_MS: String(GRACE_MS),
        IDLE_TIMEOUT_MS: String(IDLE_TIMEOUT_MS),
        SESSION_GAP_MS: String(SESSION_GAP_MS),
      },
    });
    await aggregator.ready();
    const over = new AbortController();
    onTestFinished(() => {
      over.abort();
    });
    const finals = watchFinals(topics, over.signal);
    const { seenAt } = finals;

    for (let round = 0; round < ROUNDS; round++) {
      // The last click just after a window began, then just before one ends, then anywhere.
      const lastClickAfterMs = [100, WINDOW_MS - 100][round] ?? random.below(WINDOW_MS);
      const windowStart = (Math.floor(Date.now() / WINDOW_MS) + 1) * WINDOW_MS;
      const until = windowStart + lastClickAfterMs;
      const lastClickOf = new Map<string, number>();
      const sent: Promise<void>[] = [];
      for (let index = 0; Date.now() < until || index < USERS; index++) {
        const userId = `${topics.id}-${index % USERS}`;
        const timestamp = Date.now();
        lastClickOf.set(userId, timestamp);
        sent.push(load.writeEvent({ eventId: `${round}-${index}`, userId, url: '/page', timestamp }));
        await delay(CLICK_EVERY_MS);
      }
      await Promise.all(sent);

      // On a busy machine everything takes longer, by about what timers of this process are late.
      const lateness = monitorEventLoopDelay({ resolution: 10 });
      lateness.enable();
      finals.longestSilenceMs = 0;
      const deadlines = new Map<string, number>();
      const lastClickIn = new Map<number, number>();
      for (const [userId, lastClick] of lastClickOf) {
        const partition = homePartition(Buffer.from(userId), topics.partitions);
        lastClickIn.set(partition, Math.max(lastClick, lastClickIn.get(partition) ?? 0));
      }
      for (const [userId, end] of lastClickOf) {
        const lastClick = lastClickIn.get(homePartition(Buffer.from(userId), topics.partitions))!;
        const closes = Math.max(end + SESSION_GAP_MS, lastClick + IDLE_TIMEOUT_MS) + GRACE_MS;
        deadlines.set(sessionName(userId, end), closes);
      }
      expect(lastClickIn.size).toBe(topics.partitions);
      for (const [partition, lastClick] of lastClickIn) {
        const start = Math.floor(lastClick / WINDOW_MS) * WINDOW_MS;
        const closes = Math.max(start + WINDOW_MS, lastClick + IDLE_TIMEOUT_MS) + GRACE_MS;
        deadlines.set(windowName(partition, start), closes);
      }
      await expect
        .poll(() => [...deadlines.keys()].filter((name) => !seenAt.has(name)), {
          timeout: WAIT_LIMIT_MS,
          interval: 100,
        })
        .toEqual([]);
      lateness.disable();
      // Nobody is idle while the broker does not answer for a second: idle time begins anew.
      const { longestSilenceMs } = finals;
      const silenceMs = longestSilenceMs > SLACK_MS ? longestSilenceMs + IDLE_TIMEOUT_MS : 0;
      const allowedMs = SLACK_MS + 4 * (lateness.max / 1e6) + silenceMs;
      const overdue = [...deadlines].flatMap(([name, deadline]) => {
        const lateMs = seenAt.get(name)! - deadline;
        return lateMs > allowedMs
          ? [`${name} is final ${lateMs} ms late, of ${Math.round(allowedMs)} allowed`]
          : [];
      });
      expect(overdue).toEqual([]);
    }
    expect(await assertBooks(topics, load.written)).toMatchObject({ late: 0 });
    await assertVerified(topics);
  },
);
