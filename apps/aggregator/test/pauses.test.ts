import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { startBroker } from '@clickstream/local-kafka';
import {
  assertBooks,
  assertVerified,
  countIdle,
  createClickLoad,
  createRandomSource,
  createTestTopics as createTopicsAt,
  keepDoing,
  startAggregator,
  startApp,
  untilAllClosed,
  untilAllRead,
  type ClickLoad,
  type TestTopics,
} from '@clickstream/test-harness';
import { describe, test } from 'vitest';
import { runInProcess } from './run-in-process.ts';
import { createTestTopics } from './test-topics.ts';

/** Gaps of the replayed log; `TEST_ROUNDS` asks for more of them, and with more than 3 for longer pauses. */
const ROUNDS = Number(process.env['TEST_ROUNDS'] ?? 3);
const SEED = Number(process.env['TEST_SEED'] ?? Date.now() % 1_000_000);
const USERS = 20;
/** Both are longer than a window and its grace; with more than 3 rounds, also than a seat in the group lasts. */
const [GAP_MS, BROKER_STOP_MS] = ROUNDS > 3 ? [30_000, 45_000] : [8_000, 10_000];
const PATIENCE_MS = 240_000 + 2 * ROUNDS * GAP_MS + 4 * BROKER_STOP_MS;
const HOUR_MS = 3_600_000;
/** Clicks before an outage, and while it lasts. */
const [BEFORE, BACKLOG] = [100, 7_200];

/** Every pause here is longer than the time-out, and than window and grace together. */
const SHORT = {
  WINDOW_SIZE_MS: '1000',
  // A busy machine takes seconds to write some clicks, and that is no pause.
  GRACE_MS: '4000',
  SESSION_GAP_MS: '500',
  IDLE_TIMEOUT_MS: '500',
};
const NOTHING_LATE = { late: 0, missed: 0, sessionLate: 0 };

/** Writes clicks of now, about 100 a second, until the function that it returns has resolved. */
function keepClicking(topics: TestTopics, load: ClickLoad): () => Promise<void> {
  const stop = keepDoing(async (signal) => {
    const sent: Promise<void>[] = [];
    for (let number = 0; !signal.aborted; number++) {
      sent.push(writeClick(topics, load, number, Date.now()));
      await delay(10);
    }
    await Promise.all(sent);
  });
  topics.atEnd(() => stop().catch(() => undefined));
  return stop;
}

/** At home, so that only time decides what becomes of it. */
async function writeClick(
  topics: TestTopics,
  load: ClickLoad,
  number: number,
  timestamp: number,
): Promise<void> {
  const userId = `${topics.id}-${number % USERS}`;
  await load.writeEvent({ eventId: `e-${number}`, userId, url: `/page${number % 7}`, timestamp });
}

describe.concurrent('no click becomes late', { timeout: PATIENCE_MS }, () => {
  test('through gaps of a replay at recorded speed', async ({ expect, onTestFinished }) => {
    const topics = await createTestTopics({ topicPrefix: 'totals-' }, onTestFinished);
    const folder = mkdtempSync(join(tmpdir(), 'clickstream-pauses-'));
    onTestFinished(() => {
      rmSync(folder, { recursive: true });
    });
    const lines = Array.from({ length: ROUNDS + 1 }, (_, burst) => {
      const second = new Date(Date.UTC(2015, 4, 17, 10, 5) + burst * GAP_MS).toISOString().slice(17, 19);
      const minute = String(5 + Math.floor((burst * GAP_MS) / 60_000)).padStart(2, '0');
      return Array.from(
        { length: 2 * USERS },
        (_, user) =>
          `10.0.0.${user % USERS} - - [17/May/2015:10:${minute}:${second} +0000] "GET /page${user} HTTP/1.1" 200 1`,
      );
    }).flat();
    const file = join(folder, 'gaps.log');
    writeFileSync(file, `${lines.join('\n')}\n`);
    await startAggregator(topics, { environment: SHORT }).ready();

    const replay = startApp('producer', {
      args: ['replay', file, '--speed', '1'],
      environment: topics.environment,
      atEnd: onTestFinished,
    });
    expect(await replay.ended).toMatchObject({ exitCode: 0 });

    await untilAllClosed(topics, lines.length);
    expect(await assertBooks(topics, lines.length)).toMatchObject({ counted: lines.length, ...NOTHING_LATE });
    // The end of the log was not the first time that idle time closed what was open.
    expect(await countIdle(topics)).toBeGreaterThan(topics.partitions);
    await assertVerified(topics);
  });

  test('while the broker is stopped', async ({ expect, onTestFinished }) => {
    const broker = await startBroker();
    onTestFinished(broker.stop);
    const topics = await createTopicsAt({
      brokers: broker.brokers,
      totalsPrefix: 'totals-',
      atEnd: onTestFinished,
    });
    const load = createClickLoad(topics, createRandomSource(SEED));
    const aggregator = runInProcess(topics, { environment: SHORT });
    await aggregator.ready();
    const stopWriting = keepClicking(topics, load);
    await untilAllRead(topics, 200, aggregator, { atLeast: true });
    broker.pause();
    await delay(BROKER_STOP_MS);
    broker.resume();
    await untilAllRead(topics, load.written + 200, aggregator, { atLeast: true });
    await stopWriting();
    expect(load.uncertain.records).toBe(0);
    await untilAllClosed(topics, load.written, aggregator);
    expect(await assertBooks(topics, load.written)).toMatchObject({ counted: load.written, ...NOTHING_LATE });
    await assertVerified(topics);
  });

  test("in an hour's backlog after an outage", async ({ expect, onTestFinished }) => {
    const topics = await createTestTopics({ topicPrefix: 'totals-' }, onTestFinished);
    const load = createClickLoad(topics, createRandomSource(SEED));
    // Idle time before the outage closes at most the last window, whose end is a second away.
    const begin = Date.now() - HOUR_MS;
    const before = runInProcess(topics, { environment: SHORT });
    await before.ready();
    await Promise.all(
      Array.from({ length: BEFORE }, (_, number) => writeClick(topics, load, number, begin - 2_000)),
    );
    await untilAllRead(topics, load.written, before);
    await before.stop();

    await Promise.all(
      Array.from({ length: BACKLOG }, (_, number) =>
        writeClick(topics, load, BEFORE + number, begin + Math.floor((number * HOUR_MS) / BACKLOG)),
      ),
    );
    const aggregator = runInProcess(topics, { environment: SHORT });
    await untilAllClosed(topics, load.written, aggregator);
    expect(await assertBooks(topics, load.written)).toMatchObject({
      counted: BEFORE + BACKLOG,
      ...NOTHING_LATE,
    });
    await assertVerified(topics);
  });

  test('while a slow take-over lasts, and a zombie wakes up', async ({ expect, onTestFinished }) => {
    const topics = await createTestTopics({ topicPrefix: 'totals-' }, onTestFinished);
    const load = createClickLoad(topics, createRandomSource(SEED));
    const stopWriting = keepClicking(topics, load);
    const crash = { at: 'after-offsets', count: 20, signal: 'SIGSTOP' } as const;
    const zombie = startAggregator(topics, { environment: SHORT, crash });
    await zombie.stopped();
    const successor = startAggregator(topics, { environment: SHORT });
    // The group waits for the zombie until its session is over.
    await untilAllRead(topics, load.written, successor, { atLeast: true });
    zombie.kill('SIGCONT');
    await zombie.ready();
    await untilAllRead(topics, load.written + 200, successor, { atLeast: true });
    await stopWriting();
    await untilAllClosed(topics, load.written, successor);
    expect(await assertBooks(topics, load.written)).toMatchObject({ counted: load.written, ...NOTHING_LATE });
    await assertVerified(topics);
  });
});
