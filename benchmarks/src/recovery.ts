import { setTimeout as delay } from 'node:timers/promises';
import {
  createPartitionReader,
  createRecordProducer,
  type KafkaConnection,
  type Logger,
} from '@clickstream/kafka-client';
import { encodeClickEvent } from '@clickstream/schema';
import { startAggregator } from './aggregator-process.ts';
import { createBenchTopics, PARTITIONS, type BenchEnvironment } from './bench-topics.ts';
import { produceClicks } from './throughput.ts';

const CLICKS_PER_SECOND = 400;
const TICK_MS = 10;
const SETTLE_MS = 3_000;
const LIMIT_MS = 60_000;

/** What happens to an aggregation under load, and how long its slowest partition is silent for it, s. */
export type Disturbance =
  'restart of a static member' | 'graceful stop beside another' | 'kill -9 beside another';

/** Counts under a steady load, disturbs it, and measures the longest silence of a partition's committed results. */
export async function measureRecovery(
  connection: KafkaConnection,
  log: Logger,
  name: string,
  disturbance: Disturbance,
  users: number,
): Promise<number> {
  const environment = await createBenchTopics(connection, log, name);
  await produceClicks(connection, log, environment, users, users, 'sentence');
  const isStatic = disturbance === 'restart of a static member';
  const start = (instance: string) => startAggregator(environment, isStatic ? { INSTANCE_ID: instance } : {});
  let first = await start('first');
  const second = isStatic ? undefined : await start('second');

  const load = new AbortController();
  const loading = sendSteadily(connection, log, environment, users, load.signal);
  const reader = await createPartitionReader({ connection, log });
  const lastResultAt = new Array<number>(PARTITIONS).fill(NaN);
  const longest = new Array<number>(PARTITIONS).fill(0);
  let disturbedAt = Infinity;
  const ends = await reader.endOffsets(environment.USER_CLICK_AGGREGATION_TOPIC);
  const watching = Promise.all(
    ends.map(async (from, partition) => {
      const range = { topic: environment.USER_CLICK_AGGREGATION_TOPIC, partition, from };
      for await (const batch of reader.read(range, load.signal)) {
        if (!batch.walk().next()) continue;
        const now = performance.now();
        if (now > disturbedAt)
          longest[partition] = Math.max(
            longest[partition] ?? 0,
            now - Math.max(lastResultAt[partition] ?? 0, disturbedAt),
          );
        lastResultAt[partition] = now;
      }
    }),
  );
  const flows = () => lastResultAt.every((at) => at > disturbedAt);
  // The first of them counts the backlog, which is no silence.
  while (lastResultAt.some(Number.isNaN)) await delay(TICK_MS);
  await delay(SETTLE_MS);
  disturbedAt = performance.now();
  if (disturbance === 'graceful stop beside another') await first.stop();
  else await first.kill();
  if (isStatic) first = await start('first');
  while (!flows() && performance.now() - disturbedAt < LIMIT_MS) await delay(TICK_MS);
  await delay(SETTLE_MS);
  load.abort();
  await Promise.all([loading, watching]);
  await reader.close();
  if (isStatic) await first.stop();
  await second?.stop();
  if (!flows()) throw new Error(`after ${LIMIT_MS / 1000} s some partition was still silent`);
  return Math.max(...longest) / 1000;
}

/** Time until a fresh aggregator is ready over totals of many users, s. */
export async function measureRestore(
  connection: KafkaConnection,
  log: Logger,
  name: string,
  users: number,
): Promise<number> {
  const environment = await createBenchTopics(connection, log, name);
  await produceClicks(connection, log, environment, users, users, 'sentence');
  const before = await startAggregator(environment);
  const reader = await createPartitionReader({ connection, log });
  let counted = 0;
  const done = new AbortController();
  await Promise.all(
    Array.from({ length: PARTITIONS }, async (_, partition) => {
      const range = { topic: environment.USER_CLICK_AGGREGATION_TOPIC, partition, from: 0n };
      for await (const batch of reader.read(range, done.signal)) {
        for (const record = batch.walk(); record.next();) counted++;
        if (counted === users) done.abort();
      }
    }),
  );
  await reader.close();
  await before.stop();
  const startedAt = performance.now();
  const after = await startAggregator(environment);
  const seconds = (performance.now() - startedAt) / 1000;
  await after.stop();
  return seconds;
}

async function sendSteadily(
  connection: KafkaConnection,
  log: Logger,
  { CLICKSTREAM_TOPIC: topic }: BenchEnvironment,
  users: number,
  signal: AbortSignal,
): Promise<void> {
  const producer = await createRecordProducer([topic], { connection, log });
  const startedAt = performance.now();
  for (let sent = 0; !signal.aborted;) {
    for (const due = ((performance.now() - startedAt) / 1000) * CLICKS_PER_SECOND; sent < due; sent++) {
      const userId = String(1 + (sent % users));
      const event = { eventId: `bench-${sent}`, userId, url: '/page1', timestamp: Date.now() };
      const value = Buffer.from(encodeClickEvent(event, 'sentence'));
      producer.write({ topic, key: Buffer.from(userId), value }, () => undefined);
    }
    await delay(TICK_MS);
  }
  await producer.close();
}
