import { connect } from 'node:net';
import { get } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import {
  createPartitionReader,
  createRecordProducer,
  homePartition,
  type KafkaConnection,
  type Logger,
} from '@clickstream/kafka-client';
import { encodeClickEvent } from '@clickstream/schema';
import { PARTITIONS, type BenchEnvironment } from './bench-topics.ts';

/** How long each client took to show each committed total of one user, ms. */
export interface StreamLatencies {
  readonly latenciesMs: readonly number[];
  /** Clients that were connected in the end, those that never read among them. */
  readonly clients: number;
}

export interface StreamLoadOptions {
  readonly address: string;
  readonly environment: BenchEnvironment;
  /** Clients that read all they get. */
  readonly reading: number;
  /** Clients that never read anything. */
  readonly deaf: number;
  readonly seconds: number;
}

const PROBE = 'probe';
/** More clicks than anybody else has, so that every delta has the total of this user. */
const HEAD_START = 2_000;
const PROBE_INTERVAL_MS = 100;
const CARRIED_CHARACTERS = 64;
const SETTLE_MS = 2_000;
/** Longer than this only an aggregator takes that does not keep up with the clicks: the rest would say nothing. */
const COUNTED_WITHIN_MS = 60_000;

/**
 * Connects clients to the stream of the dashboard and lets one user click beside all others.
 *
 * @throws Error when the aggregator does not count these clicks within a minute.
 */
export async function loadStreams(
  connection: KafkaConnection,
  log: Logger,
  { address, environment, reading, deaf, seconds }: StreamLoadOptions,
): Promise<StreamLatencies> {
  const { CLICKSTREAM_TOPIC: topic, USER_CLICK_AGGREGATION_TOPIC: totals } = environment;
  const producer = await createRecordProducer([topic], { connection, log });
  let sent = 0;
  const click = () => {
    sent += 1;
    const event = { eventId: `probe-${sent}`, userId: PROBE, url: '/', timestamp: Date.now() };
    const value = Buffer.from(encodeClickEvent(event, 'sentence'));
    return producer.send({ topic, key: Buffer.from(PROBE), value });
  };

  const reader = await createPartitionReader({ connection, log });
  const partition = homePartition(Buffer.from(PROBE), PARTITIONS);
  const from = (await reader.endOffsets(totals))[partition] ?? 0n;
  const committed: { readonly clicks: number; readonly at: number }[] = [];
  const over = new AbortController();
  const watching = (async () => {
    for await (const batch of reader.read({ topic: totals, partition, from }, over.signal))
      for (const record = batch.walk(); record.next();)
        if (String(record.key()) === PROBE)
          committed.push({ clicks: clicksIn(String(record.value())) ?? 0, at: performance.now() });
  })();
  const untilCounted = async () => {
    for (const startedAt = performance.now(); ;) {
      const counted = committed.at(-1)?.clicks ?? 0;
      if (counted >= sent) return;
      if (performance.now() - startedAt > COUNTED_WITHIN_MS)
        throw new Error(
          `the aggregator cannot keep up: ${counted} of ${sent} clicks of one user are counted after ${COUNTED_WITHIN_MS / 1_000} s`,
        );
      await Promise.race([delay(PROBE_INTERVAL_MS), watching]);
    }
  };
  await Promise.all(Array.from({ length: HEAD_START }, click));

  const { hostname, port } = new URL(address);
  const sockets = Array.from({ length: deaf }, () => {
    const socket = connect(Number(port), hostname).pause();
    socket.on('error', () => undefined).write('GET /api/stream HTTP/1.1\r\nHost: localhost\r\n\r\n');
    return socket;
  });
  await untilCounted();
  const clients = await Promise.all(Array.from({ length: reading }, () => openClient(address)));
  await delay(SETTLE_MS);

  const first = sent + 1;
  const startedAt = performance.now();
  while (performance.now() - startedAt < seconds * 1_000)
    await Promise.all([click(), delay(PROBE_INTERVAL_MS)]);
  await untilCounted();
  await delay(SETTLE_MS);

  const latenciesMs: number[] = [];
  for (const { shown } of clients)
    for (const { clicks, at } of committed) {
      if (clicks < first) continue;
      const seen = shown.find((each) => each.clicks >= clicks);
      latenciesMs.push(seen ? Math.max(0, seen.at - at) : Infinity);
    }
  const metrics = await (await fetch(`${address}/metrics`)).text();
  for (const { close } of clients) close();
  for (const socket of sockets) socket.destroy();
  over.abort();
  await watching;
  await Promise.all([producer.close(), reader.close()]);
  return {
    latenciesMs,
    clients: Number(/^clickstream_dashboard_stream_clients (\d+)$/m.exec(metrics)?.[1]),
  };
}

interface StreamClient {
  readonly shown: readonly { readonly clicks: number; readonly at: number }[];
  readonly close: () => void;
}

/** Looks for the probe's total only: what 180 clients parse is not to be the load of this machine. */
function openClient(address: string): Promise<StreamClient> {
  const shown: { clicks: number; at: number }[] = [];
  return new Promise((resolve, reject) => {
    const request = get(`${address}/api/stream`, { agent: false }, (response) => {
      let carried = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        const text = carried + chunk;
        carried = text.slice(-CARRIED_CHARACTERS);
        const clicks = clicksIn(text);
        if (clicks !== undefined && clicks > (shown.at(-1)?.clicks ?? 0))
          shown.push({ clicks, at: performance.now() });
      });
      response.on('error', () => undefined);
      resolve({ shown, close: () => request.destroy() });
    }).on('error', reject);
  });
}

function clicksIn(text: string): number | undefined {
  const digits = /"userId":"probe","clicks":(\d+),/.exec(text)?.[1];
  return digits === undefined ? undefined : Number(digits);
}
