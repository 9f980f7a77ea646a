import {
  createPartitionReader,
  createRecordProducer,
  type KafkaConnection,
  type Logger,
} from '@clickstream/kafka-client';
import { encodeClickEvent } from '@clickstream/schema';
import { setTimeout as delay } from 'node:timers/promises';
import { startAggregator } from './aggregator-process.ts';
import { createBenchTopics, PARTITIONS, type BenchEnvironment } from './bench-topics.ts';
import { cpuSeconds, peakMemoryMb, residentMemoryMb } from './cpu-time.ts';
import { startDashboard } from './dashboard-process.ts';
import { loadRequests } from './request-load.ts';
import { percentile } from './statistics.ts';
import { loadStreams } from './stream-load.ts';

export interface DashboardFigures {
  /** From the start of the process until every total is shown, s. */
  readonly readySeconds: number;
  /** Resident when every total is shown, and the most up to the end. */
  readonly readyMemoryMb: number;
  readonly peakMemoryMb: number;
  /** From the moment at which a request was due to its answer, ms. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Of one core. */
  readonly processCpu: number;
  /** Age of the oldest click that was not counted, at most, as the dashboard says: with the requests alone. */
  readonly lagSeconds: number;
  readonly streams: StreamFigures;
}

/** Of clients of the stream, some of which never read. */
export interface StreamFigures {
  /** From the commit of a total, as another reader sees it, until a client that reads has it, ms. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly slowestMs: number;
  /** The most that the process was resident at with them, and just before they came, MB. */
  readonly peakMemoryMb: number;
  readonly memoryBeforeMb: number;
  /** Still connected in the end. */
  readonly clients: number;
  /** Age of the oldest click not yet counted, at most: with them, and for as long before without clients and requests. */
  readonly lagSeconds: number;
  readonly lagBeforeSeconds: number;
}

export const READING_CLIENTS = 180;
export const DEAF_CLIENTS = 20;

const REQUESTS_PER_SECOND = 1_000;
const WARM_UP_SECONDS = 2;
const TICK_MS = 5;
const LAG_TICK_MS = 250;
const MEMORY_TICK_MS = 100;
/** The users came within this time, which is less than a session's gap: all their sessions are open. */
const ARRIVAL_MS = 20 * 60_000;

/** Time to ready over the totals of many users, then answers of the API under load while clicks are counted. */
export async function measureDashboard(
  connection: KafkaConnection,
  log: Logger,
  name: string,
  { users, rate, seconds }: { users: number; rate: number; seconds: number },
): Promise<DashboardFigures> {
  const environment = await createBenchTopics(connection, log, name);
  await produceUsers(connection, log, environment, users);
  const aggregator = await startAggregator(environment);
  await untilCounted(connection, log, environment, users);

  const startedAt = performance.now();
  const dashboard = await startDashboard(environment);
  const readySeconds = (performance.now() - startedAt) / 1000;

  const readyMemoryMb = residentMemoryMb(dashboard.pid);

  const load = new AbortController();
  const clicking = clickSteadily(connection, log, environment, { users, rate }, load.signal);
  const paths = Array.from({ length: 997 }, (_, index) => [
    '/api/overview',
    '/api/users?top=20',
    `/api/users/${1 + ((index * 7_919) % users)}`,
    '/api/pages',
  ]).flat();
  await loadRequests(dashboard.address, paths, { rate: REQUESTS_PER_SECOND, seconds: WARM_UP_SECONDS });
  const cpuBefore = cpuSeconds(dashboard.pid);
  const lagOfRequests = watchLag(dashboard.address);
  const latencies = await loadRequests(dashboard.address, paths, { rate: REQUESTS_PER_SECOND, seconds });
  const processCpu = (cpuSeconds(dashboard.pid) - cpuBefore) / seconds;
  const lagSeconds = await lagOfRequests.stop();
  const lagOfNone = watchLag(dashboard.address);
  await delay(seconds * 1_000);
  const lagBeforeSeconds = await lagOfNone.stop();
  const memoryBeforeMb = residentMemoryMb(dashboard.pid);
  const memoryOfStreams = watchMemory(dashboard.pid);
  const lagOfStreams = watchLag(dashboard.address);
  const { latenciesMs, clients } = await loadStreams(connection, log, {
    ...{ address: dashboard.address, environment, seconds },
    ...{ reading: READING_CLIENTS, deaf: DEAF_CLIENTS },
  });
  const lagSecondsOfStreams = await lagOfStreams.stop();
  const peakMemoryOfStreamsMb = memoryOfStreams.stop();
  load.abort();
  await clicking;
  const memoryMb = peakMemoryMb(dashboard.pid);
  await dashboard.stop();
  await aggregator.stop();
  return {
    readySeconds,
    readyMemoryMb,
    peakMemoryMb: memoryMb,
    p50Ms: percentile(latencies, 0.5),
    p99Ms: percentile(latencies, 0.99),
    processCpu,
    lagSeconds,
    streams: {
      p50Ms: percentile(latenciesMs, 0.5),
      p99Ms: percentile(latenciesMs, 0.99),
      slowestMs: percentile(latenciesMs, 1),
      peakMemoryMb: peakMemoryOfStreamsMb,
      memoryBeforeMb,
      clients,
      lagSeconds: lagSecondsOfStreams,
      lagBeforeSeconds,
    },
  };
}

/** A click of each user, on a url that nobody else was on: what a user takes in memory depends on it. */
async function produceUsers(
  connection: KafkaConnection,
  log: Logger,
  { CLICKSTREAM_TOPIC: topic }: BenchEnvironment,
  users: number,
): Promise<void> {
  const producer = await createRecordProducer([topic], { connection, log });
  const firstMs = Date.now() - ARRIVAL_MS;
  for (let sent = 0; sent < users; sent++) {
    const event = {
      eventId: `first-${sent}`,
      userId: String(1 + sent),
      url: urlOf(sent),
      timestamp: firstMs + Math.floor((sent * ARRIVAL_MS) / users),
    };
    const value = Buffer.from(encodeClickEvent(event, 'sentence'));
    const record = { topic, key: Buffer.from(event.userId), value };
    if (!producer.write(record, () => undefined)) await producer.whenWritable();
  }
  await producer.flush();
  await producer.close();
}

/** Of 50 pages, and each a url of its own. */
function urlOf(click: number): string {
  return `/page${click % 50}?from=mail-${click}`;
}

/** Looks four times a second how old the oldest click is that is not counted; s, the greatest of all looks. */
function watchLag(address: string): { stop(): Promise<number> } {
  const over = new AbortController();
  const watching = (async () => {
    let greatest = 0;
    while (!over.signal.aborted) {
      const overview = (await (await fetch(`${address}/api/overview`)).json()) as {
        oldestWaitingSeconds: number | null;
      };
      greatest = Math.max(greatest, overview.oldestWaitingSeconds ?? 0);
      await delay(LAG_TICK_MS);
    }
    return greatest;
  })();
  return {
    stop: () => {
      over.abort();
      return watching;
    },
  };
}

/** Looks ten times a second how much of a process is resident; MB, the most of all looks. */
function watchMemory(pid: number): { stop(): number } {
  let most = residentMemoryMb(pid);
  const look = () => {
    most = Math.max(most, residentMemoryMb(pid));
  };
  const timer = setInterval(look, MEMORY_TICK_MS);
  return {
    stop: () => {
      clearInterval(timer);
      look();
      return most;
    },
  };
}

async function untilCounted(
  connection: KafkaConnection,
  log: Logger,
  { USER_CLICK_AGGREGATION_TOPIC: topic }: BenchEnvironment,
  users: number,
): Promise<void> {
  const reader = await createPartitionReader({ connection, log });
  const done = new AbortController();
  let counted = 0;
  await Promise.all(
    Array.from({ length: PARTITIONS }, async (_, partition) => {
      for await (const batch of reader.read({ topic, partition, from: 0n }, done.signal)) {
        for (const record = batch.walk(); record.next();) counted++;
        if (counted >= users) done.abort();
      }
    }),
  );
  await reader.close();
}

async function clickSteadily(
  connection: KafkaConnection,
  log: Logger,
  { CLICKSTREAM_TOPIC: topic }: BenchEnvironment,
  { users, rate }: { users: number; rate: number },
  signal: AbortSignal,
): Promise<void> {
  const producer = await createRecordProducer([topic], { connection, log });
  const startedAt = performance.now();
  for (let sent = 0; !signal.aborted;) {
    for (const due = ((performance.now() - startedAt) / 1000) * rate; sent < due; sent++) {
      const userId = String(1 + ((sent * 104_729) % users));
      const event = { eventId: `flow-${sent}`, userId, url: urlOf(sent), timestamp: Date.now() };
      const value = Buffer.from(encodeClickEvent(event, 'sentence'));
      producer.write({ topic, key: Buffer.from(userId), value }, () => undefined);
    }
    await delay(TICK_MS);
  }
  await producer.close();
}
