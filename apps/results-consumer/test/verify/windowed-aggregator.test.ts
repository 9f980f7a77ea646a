import { homePartition, type OutgoingRecord } from '@clickstream/kafka-client';
import { describe, expect, test } from 'vitest';
import { createTestAggregation, type TestAggregation } from './test-aggregation.ts';

const TEST_LIMIT_MS = 120_000;
const USERS = 20;
const DAY_MS = 86_400_000;

/** Hopping windows, few pages, and a session gap that clicks often exceed. */
const SETTINGS = {
  WINDOW_SIZE_MS: '4000',
  WINDOW_ADVANCE_MS: '2000',
  GRACE_MS: '1000',
  SESSION_GAP_MS: '1500',
  MAX_PAGES_PER_WINDOW: '5',
  IDLE_TIMEOUT_MS: '300',
};

/** Numbers from 0 to 1, the same at each run. */
function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/**
 * Writes clicks 20 ms apart in event time: out of order, a few far too late or in the future, some written twice in a
 * row or through another partition.
 */
async function writeUnruly({ topics, partitions, write }: TestAggregation, count: number, seed: number) {
  const random = createRandom(seed);
  const begin = Date.now() - 120_000;
  const records: OutgoingRecord[] = [];
  for (let number = 0; number < count; number++) {
    const userId = `user-${Math.floor(random() * USERS)}`;
    const key = Buffer.from(userId);
    const lag = random() < 0.05 ? 8_000 * random() : 1_200 * random();
    const timestamp = random() < 0.01 ? Date.now() + DAY_MS : Math.floor(begin + number * 20 - lag);
    const event = {
      eventId: `${seed}-${number}`,
      userId,
      url: `/page${Math.floor(9 * random())}?n=${number}`,
      timestamp,
    };
    const home = homePartition(key, partitions);
    const partition = random() < 0.1 ? (home + 1) % partitions : home;
    const record = { topic: topics.clicks, partition, key, value: Buffer.from(JSON.stringify(event)) };
    records.push(record);
    if (random() < 0.05) records.push(record);
    if (random() < 0.02) records.push({ ...record, partition: (partition + 1) % partitions });
  }
  await write(...records);
}

describe('verify, of an aggregator that counts windows and sessions', () => {
  test(
    'passes while clicks come out of order, twice, too late and from the future, across a kill, until all is closed',
    async ({ onTestFinished }) => {
      const aggregation = await createTestAggregation(onTestFinished);
      const { startAggregator, untilCounted, verify } = aggregation;
      const first = await startAggregator(SETTINGS);
      await writeUnruly(aggregation, 800, 1);
      await untilCounted();
      const written = writeUnruly(aggregation, 800, 2);
      await first.stop('SIGKILL');
      await startAggregator(SETTINGS);
      await written;
      const { clicks, windows, sessions } = await untilCounted();
      expect(clicks.late).toBeGreaterThan(0);
      expect(clicks.missed).toBeGreaterThan(0);
      expect(clicks.sessionLate).toBeGreaterThan(0);
      expect(clicks.duplicate).toBeGreaterThan(0);
      expect(clicks.rejected).toBeGreaterThan(0);
      expect(clicks.forwarded).toBeGreaterThan(0);
      expect(windows.results).toBeGreaterThan(20);
      expect(sessions.sessions).toBeGreaterThan(USERS);
      await expect
        .poll(() => openResults(aggregation), { timeout: TEST_LIMIT_MS, interval: 200 })
        .toEqual({ windows: 0, sessions: 0 });
      const { exitCode, report } = await verify();
      expect(report).toMatchObject({ problems: [], gaps: [] });
      expect(exitCode).toBe(0);
    },
    TEST_LIMIT_MS,
  );

  test(
    'passes where each restart has another grace, the last one the first, and counts in the end what was of the future',
    async ({ onTestFinished }) => {
      const aggregation = await createTestAggregation(onTestFinished);
      const { startAggregator, untilCounted, verify, topics, newest } = aggregation;
      const restarts = [
        { graceMs: 1_000, maxFutureMs: 60_000 },
        { graceMs: 3_000, maxFutureMs: 61_000 },
        { graceMs: 0, maxFutureMs: 59_000 },
        { graceMs: 1_000, maxFutureMs: 2 * DAY_MS },
      ];
      for (const [index, { graceMs, maxFutureMs }] of restarts.entries()) {
        const settings = { ...SETTINGS, GRACE_MS: String(graceMs), MAX_FUTURE_MS: String(maxFutureMs) };
        const aggregator = await startAggregator(settings);
        await writeUnruly(aggregation, 400, index + 3);
        const { late, missed, sessionLate, rejected } = (await untilCounted()).clicks;
        for (const clicks of [late, missed, sessionLate, rejected]) expect(clicks).toBeGreaterThan(0);
        await aggregator.stop();
      }
      const { exitCode, report } = await verify();
      expect(report).toMatchObject({ problems: [], gaps: [] });
      expect(exitCode).toBe(0);
      const { value } = await newest(topics.checkpoints, 0);
      expect(JSON.parse(value.toString('utf8'))).toMatchObject({
        state: {
          changedSettings: ['graceMs', 'maxFutureMs'],
          changedWithin: {
            graceMs: { least: 0, greatest: 3_000 },
            maxFutureMs: { least: 59_000, greatest: 2 * DAY_MS },
          },
        },
      });
    },
    TEST_LIMIT_MS,
  );
});

/** What the newest checkpoints say is open. */
async function openResults({ topics, partitions, newest }: TestAggregation) {
  const open = { windows: 0, sessions: 0 };
  for (let partition = 0; partition < partitions; partition++) {
    const { value } = await newest(topics.checkpoints, partition);
    const { sums } = JSON.parse(value.toString('utf8')) as { sums: Record<string, number> };
    open.windows += sums['openWindows'] ?? NaN;
    open.sessions += sums['openSessions'] ?? NaN;
  }
  return open;
}
