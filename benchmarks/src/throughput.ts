import {
  createPartitionReader,
  createRecordProducer,
  type KafkaConnection,
  type Logger,
} from '@clickstream/kafka-client';
import { encodeClickEvent, type RecordFormat } from '@clickstream/schema';
import type { BenchProcess } from './bench-process.ts';
import { createBenchTopics, resultNames, type BenchEnvironment } from './bench-topics.ts';
import { cpuSeconds, peakMemoryMb } from './cpu-time.ts';
import { watchTotals } from './watch-totals.ts';

export interface ProduceFigures {
  readonly eventsPerSecond: number;
  readonly cpuSeconds: number;
}

export interface AggregateFigures {
  /** From the first committed result to the last. */
  readonly eventsPerSecond: number;
  /** From the start of the process to the first committed result, s. */
  readonly firstResultSeconds: number;
  readonly cpuSeconds: number;
  readonly peakMemoryMb: number;
}

const EVENT_TIME_MS = 1_711_111_111_123;

/** Writes clicks as fast as it goes, acks=all, with our producer in this process. */
export async function produceClicks(
  connection: KafkaConnection,
  log: Logger,
  { CLICKSTREAM_TOPIC: topic }: BenchEnvironment,
  events: number,
  users: number,
  format: RecordFormat,
): Promise<ProduceFigures> {
  const producer = await createRecordProducer([topic], { connection, log });
  const cpuBefore = process.cpuUsage();
  const startedAt = performance.now();
  let failed = 0;
  const onDelivery = ({ status }: { status: string }) => {
    if (status !== 'delivered') failed++;
  };
  for (let sent = 0; sent < events; sent++) {
    const userId = String(1 + (sent % users));
    const event = {
      eventId: `bench-${sent}`,
      userId,
      url: `/page${sent % 10}`,
      timestamp: EVENT_TIME_MS + sent,
    };
    const record = { topic, key: Buffer.from(userId), value: Buffer.from(encodeClickEvent(event, format)) };
    if (!producer.write(record, onDelivery)) await producer.whenWritable();
  }
  await producer.flush();
  const seconds = (performance.now() - startedAt) / 1000;
  const cpu = process.cpuUsage(cpuBefore);
  await producer.close();
  if (failed > 0) throw new Error(`${failed} clicks were not acknowledged`);
  return { eventsPerSecond: events / seconds, cpuSeconds: (cpu.user + cpu.system) / 1e6 };
}

/** Counts a backlog with a program that it starts; every total is checked by reading the committed results. */
export async function aggregateBacklog(
  connection: KafkaConnection,
  log: Logger,
  start: (environment: BenchEnvironment) => Promise<BenchProcess>,
  clicks: BenchEnvironment,
  name: string,
  events: number,
  users: number,
): Promise<AggregateFigures> {
  const environment = { ...clicks, ...resultNames(name) };
  await createBenchTopics(connection, log, name);
  const reader = await createPartitionReader({ connection, log });
  const totals = new Map<string, number>();
  let counted = 0;
  let firstAt = 0;
  let countedFirst = 0;
  const done = new AbortController();
  const watching = watchTotals(
    reader,
    environment.USER_CLICK_AGGREGATION_TOPIC,
    done.signal,
    (userId, total) => {
      counted += total - (totals.get(userId) ?? 0);
      totals.set(userId, total);
      if (firstAt === 0) firstAt = performance.now();
      if (performance.now() === firstAt) countedFirst = counted;
      if (counted === events) done.abort();
    },
  );
  const startedAt = performance.now();
  const counting = await start(environment);
  await watching;
  const lastAt = performance.now();
  const figures = {
    eventsPerSecond: (events - countedFirst) / ((lastAt - firstAt) / 1000),
    firstResultSeconds: (firstAt - startedAt) / 1000,
    cpuSeconds: cpuSeconds(counting.pid),
    peakMemoryMb: peakMemoryMb(counting.pid),
  };
  await counting.stop();
  await reader.close();
  for (const [userId, total] of totals) {
    const expected = Math.floor(events / users) + (Number(userId) <= events % users ? 1 : 0);
    if (total !== expected) throw new Error(`user ${userId} has ${total} clicks instead of ${expected}`);
  }
  return figures;
}
