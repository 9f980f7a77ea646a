import { setTimeout as delay } from 'node:timers/promises';
import {
  createPartitionReader,
  createRecordProducer,
  type KafkaConnection,
  type Logger,
} from '@clickstream/kafka-client';
import { encodeClickEvent } from '@clickstream/schema';
import type { BenchProcess } from './bench-process.ts';
import { createBenchTopics, type BenchEnvironment } from './bench-topics.ts';
import { cpuSeconds } from './cpu-time.ts';
import { percentile } from './statistics.ts';
import { watchTotals } from './watch-totals.ts';

export interface LatencyFigures {
  /** From handing the click to the producer to reading a committed total that counts it, ms. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Of one core. */
  readonly processCpu: number;
  readonly brokerCpu: number;
}

const WARM_UP_SECONDS = 3;
const TICK_MS = 5;

/** Sends clicks at a steady rate and times each until a committed total counts it. */
export async function measureLatency(
  connection: KafkaConnection,
  log: Logger,
  start: (environment: BenchEnvironment) => Promise<BenchProcess>,
  name: string,
  { rate, seconds, users }: { rate: number; seconds: number; users: number },
  brokerPid: number,
): Promise<LatencyFigures> {
  const environment = await createBenchTopics(connection, log, name);
  const topic = environment.CLICKSTREAM_TOPIC;
  const counting = await start(environment);
  const reader = await createPartitionReader({ connection, log });
  const producer = await createRecordProducer([topic], { connection, log });

  /** Send times of each user's clicks; the n-th total of a user answers all of them up to the n-th. */
  const sentAt = new Map<string, number[]>();
  const answered = new Map<string, number>();
  const latencies: number[] = [];
  let measureFrom = Infinity;
  const done = new AbortController();
  const watching = watchTotals(
    reader,
    environment.USER_CLICK_AGGREGATION_TOPIC,
    done.signal,
    (userId, clicks) => {
      const now = performance.now();
      const times = sentAt.get(userId) ?? [];
      for (let n = answered.get(userId) ?? 0; n < clicks; n++) {
        const at = times[n] ?? NaN;
        if (at >= measureFrom) latencies.push(now - at);
      }
      answered.set(userId, clicks);
    },
  );

  let failed = 0;
  const onDelivery = ({ status }: { status: string }) => {
    if (status !== 'delivered') failed++;
  };
  const startedAt = performance.now();
  measureFrom = startedAt + WARM_UP_SECONDS * 1000;
  let cpuBefore: [number, number] | undefined;
  let sent = 0;
  const end = startedAt + (WARM_UP_SECONDS + seconds) * 1000;
  while (performance.now() < end) {
    const due = ((performance.now() - startedAt) / 1000) * rate;
    if (!cpuBefore && performance.now() >= measureFrom)
      cpuBefore = [cpuSeconds(counting.pid), cpuSeconds(brokerPid)];
    for (; sent < due; sent++) {
      const userId = String(1 + (sent % users));
      const event = { eventId: `bench-${sent}`, userId, url: `/page${sent % 10}`, timestamp: Date.now() };
      const times = sentAt.get(userId);
      if (times) times.push(performance.now());
      else sentAt.set(userId, [performance.now()]);
      producer.write(
        { topic, key: Buffer.from(userId), value: Buffer.from(encodeClickEvent(event, 'sentence')) },
        onDelivery,
      );
    }
    await delay(TICK_MS);
  }
  const cpuAfter = [cpuSeconds(counting.pid), cpuSeconds(brokerPid)] as const;
  await producer.close();
  const countedClicks = () => [...answered.values()].reduce((sum, clicks) => sum + clicks, 0);
  const limit = performance.now() + 10_000;
  while (countedClicks() < sent && performance.now() < limit) await delay(20);
  done.abort();
  await watching;
  await counting.stop();
  await reader.close();
  const counted = countedClicks();
  if (failed > 0 || counted !== sent)
    throw new Error(`${sent} clicks sent, ${failed} failed, ${counted} counted`);
  return {
    p50Ms: percentile(latencies, 0.5),
    p99Ms: percentile(latencies, 0.99),
    processCpu: (cpuAfter[0] - (cpuBefore?.[0] ?? NaN)) / seconds,
    brokerCpu: (cpuAfter[1] - (cpuBefore?.[1] ?? NaN)) / seconds,
  };
}
