import { randomUUID } from 'node:crypto';
import { tmpdir } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import {
  createLogger,
  createPartitionReader,
  createRecordProducer,
  ensureTopics,
  homePartition,
  type KafkaConnection,
  type OutgoingRecord,
  type PartitionReader,
} from '@clickstream/kafka-client';
import { createTopicSpecs, DEFAULT_TOPIC_NAMES } from '@clickstream/schema';
import { execa } from 'execa';
import { expect, inject } from 'vitest';
import type { Report } from '../../src/verify/report.ts';
import { runInProcess } from '../run-in-process.ts';

const AGGREGATOR = fileURLToPath(new URL('../../../aggregator/src/main.ts', import.meta.url));
const PARTITIONS = 3;
/** One of so many records is no click. */
export const NO_CLICK_EVERY = 47;
const TICK_MS = 50;

/** What is run at the end of a test, as vitest's `onTestFinished` takes it. */
export type AtEnd = (tidyUp: () => Promise<void>) => void;

/** An aggregator that is running. */
export interface RunningAggregator {
  /** Ends it, and resolves when it has ended. */
  stop(signal?: NodeJS.Signals): Promise<void>;
}

/** What `verify --json` said. */
export interface Verification {
  readonly exitCode: number;
  readonly report: Report;
  readonly stdout: string;
}

/** A click topic, an aggregator for it and ways to tamper with what it wrote. */
export interface TestAggregation {
  readonly brokers: string;
  readonly partitions: number;
  readonly topics: {
    readonly clicks: string;
    readonly totals: string;
    readonly pages: string;
    readonly sessions: string;
    readonly deadLetters: string;
    readonly checkpoints: string;
  };
  readonly environment: Readonly<Record<string, string>>;
  readonly reader: PartitionReader;
  /** Starts the aggregator as a process of its own; it ends with the test at the latest. */
  readonly startAggregator: (
    environment?: Readonly<Record<string, string>>,
    ...args: readonly string[]
  ) => Promise<RunningAggregator>;
  readonly write: (...records: readonly OutgoingRecord[]) => Promise<void>;
  /** Clicks in both forms, a third of them placed wrongly on purpose, and some records that are none. */
  readonly writeClicks: (count: number, users?: number) => Promise<void>;
  /** Writes some hundred clicks a second until the function that it returns has resolved. */
  readonly keepWriting: () => () => Promise<void>;
  readonly verify: (...flags: readonly string[]) => Promise<Verification>;
  /** Verifies until the aggregator has counted all there is; expects PASS each time. */
  readonly untilCounted: () => Promise<Report>;
  /** The newest record with a value in a partition. */
  readonly newest: (topic: string, partition: number) => Promise<{ key: Buffer | null; value: Buffer }>;
}

/** Creates the topics of a test. */
export async function createTestAggregation(atEnd: AtEnd): Promise<TestAggregation> {
  const brokers = inject('kafkaBrokers');
  const id = randomUUID().slice(0, 8);
  const topics = {
    clicks: `clicks-${id}`,
    totals: `totals-${id}`,
    pages: `pages-${id}`,
    sessions: `sessions-${id}`,
    deadLetters: `dead-letters-${id}`,
    checkpoints: `app-${id}_checkpoint`,
  };
  const environment = {
    KAFKA_BROKERS: brokers,
    CLICKSTREAM_TOPIC: topics.clicks,
    USER_CLICK_AGGREGATION_TOPIC: topics.totals,
    PAGE_CLICK_AGGREGATION_TOPIC: topics.pages,
    USER_SESSION_AGGREGATION_TOPIC: topics.sessions,
    DEAD_LETTER_TOPIC: topics.deadLetters,
    APPLICATION_ID: `app-${id}`,
  };
  const connection: KafkaConnection = { brokers: brokers.split(','), clientId: 'test' };
  const log = createLogger('test', { LOG_LEVEL: 'silent', LOG_FORMAT: 'json' }, false);
  const specs = createTopicSpecs({ ...DEFAULT_TOPIC_NAMES, ...environment });
  await ensureTopics({
    connection,
    log,
    topics: [
      specs.CLICKSTREAM_TOPIC,
      specs.USER_CLICK_AGGREGATION_TOPIC,
      specs.PAGE_CLICK_AGGREGATION_TOPIC,
      specs.USER_SESSION_AGGREGATION_TOPIC,
      specs.DEAD_LETTER_TOPIC,
      { name: topics.checkpoints, config: { 'cleanup.policy': 'compact' } },
    ],
    partitions: PARTITIONS,
  });
  const producer = await createRecordProducer(Object.values(topics), { connection, log, lingerMs: 1 });
  const reader = await createPartitionReader({ connection, log });
  atEnd(async () => {
    await Promise.all([producer.close(), reader.close()]);
  });

  const write = async (...records: readonly OutgoingRecord[]) => {
    await Promise.all(records.map((record) => producer.send(record)));
  };
  let serial = 0;
  const click = (users: number): OutgoingRecord => {
    const number = serial++;
    const userId = `user-${(number * 7919) % users}`;
    const key = Buffer.from(userId);
    const timestamp = 1_700_000_000_000 + number;
    const value = Buffer.from(
      number % NO_CLICK_EVERY === 0
        ? `no click ${number}`
        : number % 2 === 0
          ? `User ${userId} clicked on /page${number % 9} at ${timestamp / 1000}`
          : JSON.stringify({ eventId: `e-${number}`, userId, url: `/page${number % 9}`, timestamp }),
    );
    const record = { topic: topics.clicks, key, value };
    return number % 3 === 0
      ? { ...record, partition: (homePartition(key, PARTITIONS) + 1 + (number % 2)) % PARTITIONS }
      : record;
  };
  const writeClicks = (count: number, users = 50) =>
    write(...Array.from({ length: count }, () => click(users)));
  const verify = async (...flags: readonly string[]): Promise<Verification> => {
    const { exitCode, stdout } = await runInProcess(['verify', '--json', ...flags], environment);
    return { exitCode, stdout, report: JSON.parse(stdout) as Report };
  };

  return {
    brokers,
    partitions: PARTITIONS,
    topics,
    environment,
    reader,
    startAggregator: async (more = {}, ...args) => {
      const child = execa(process.execPath, ['--conditions=@clickstream/source', AGGREGATOR, ...args], {
        cwd: tmpdir(),
        env: { PATH: process.env['PATH'], ...environment, ...more },
        extendEnv: false,
        stdin: 'ignore',
        stdout: 'ignore',
        buffer: false,
        reject: false,
      });
      const ended = child.then(() => undefined);
      const stop = async (signal: NodeJS.Signals = 'SIGTERM') => {
        child.kill(signal);
        await ended;
      };
      atEnd(() => stop('SIGKILL'));
      let stderr = '';
      await new Promise<void>((resolve, reject) => {
        child.stderr.setEncoding('utf8').on('data', (text: string) => {
          stderr += text;
          if (/^ready/m.test(stderr)) resolve();
        });
        void ended.then(() => {
          reject(new Error(`the aggregator ended before it was ready:\n${stderr}`));
        });
      });
      return { stop };
    },
    write,
    writeClicks,
    keepWriting: () => {
      const over = new AbortController();
      const done = (async () => {
        while (!over.signal.aborted) await Promise.all([writeClicks(20), delay(TICK_MS)]);
      })();
      done.catch(() => undefined); // thrown to whoever stops it
      return async () => {
        over.abort();
        await done;
      };
    },
    verify,
    untilCounted: async () => {
      for (;;) {
        const { report } = await verify();
        const isEmpty = 'reason' in report;
        expect(report.verdict, JSON.stringify(report)).toBe(isEmpty ? 'unchecked' : 'pass');
        if (!isEmpty && report.clicks.notReadYet === 0 && report.clicks.inFlight === 0) return report;
      }
    },
    newest: async (topic, partition) => {
      const to = (await reader.endOffsets(topic))[partition] ?? 0n;
      let newest: { key: Buffer | null; value: Buffer } | undefined;
      for await (const batch of reader.read({ topic, partition, from: 0n, to }))
        for (const record = batch.walk(); record.next();) {
          const value = record.value();
          if (value) newest = { key: record.key(), value };
        }
      if (!newest) throw new Error(`${topic} [${partition}] is empty`);
      return newest;
    },
  };
}

/** An aggregation that has counted everything and was stopped, so that nobody but the test writes. */
export async function createStoppedAggregation(atEnd: AtEnd, clicks = 600): Promise<TestAggregation> {
  const aggregation = await createTestAggregation(atEnd);
  const aggregator = await aggregation.startAggregator();
  await aggregation.writeClicks(clicks);
  await aggregation.untilCounted();
  await aggregator.stop();
  return aggregation;
}
