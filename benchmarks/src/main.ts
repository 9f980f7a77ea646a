import { createLogger } from '@clickstream/kafka-client';
import { startBroker } from '@clickstream/local-kafka';
import { Command, InvalidArgumentError, Option } from 'commander';
import { ExecaError } from 'execa';
import { startAggregator, startTotalsOnly } from './aggregator-process.ts';
import { createBenchTopics, type BenchEnvironment } from './bench-topics.ts';
import { buildKafkaStreams, startKafkaStreams } from './kafka-streams.ts';
import { measureLatency, type LatencyFigures } from './latency.ts';
import { measureRecovery, measureRestore } from './recovery.ts';
import { DEAF_CLIENTS, measureDashboard, READING_CLIENTS } from './dashboard.ts';
import { grouped, median } from './statistics.ts';
import { aggregateBacklog, produceClicks, type AggregateFigures } from './throughput.ts';

const PARTS = ['throughput', 'latency', 'recovery', 'dashboard'] as const;
const COMMIT_INTERVALS_MS = [0, 5, 10, 20, 50, 100];
const RATES = [1_000, 5_000];
const DASHBOARD_USERS = 1_000_000;
const DASHBOARD_CLICKS_PER_SECOND = 5_000;
/** What the dashboard is to reach, printed beside what it does. */
const DASHBOARD_AIMS = { readySeconds: 3, apiP99Ms: 25, memoryMb: 250, streamMs: 500 };

const command = new Command('bench')
  .description(
    'Measures the pipeline on a broker of its own. Figures are medians; compare them within one run only.',
  )
  .addOption(new Option('--only <part>', 'measure one part').choices(PARTS))
  .option('--events <count>', 'clicks of a throughput run', wholeNumber, 1_000_000)
  .option('--users <count>', 'different users', wholeNumber, 100)
  .option('--runs <count>', 'throughput runs', wholeNumber, 3)
  .option('--seconds <count>', 'length of a latency run', wholeNumber, 10)
  .option('--no-kafka-streams', 'leave out Kafka Streams, which needs Maven')
  .parse();
const options = command.opts<{
  only?: (typeof PARTS)[number];
  events: number;
  users: number;
  runs: number;
  seconds: number;
  kafkaStreams: boolean;
}>();

const log = createLogger('bench', { LOG_LEVEL: 'warn' }, true);
if (options.kafkaStreams) {
  try {
    await buildKafkaStreams();
  } catch (error) {
    if (!(error instanceof ExecaError)) throw error;
    const reason = error.shortMessage.replaceAll(/\s*\n\s*/g, ' ');
    command.error(
      `error: cannot build the Kafka Streams yardstick (${reason}): leave it out with --no-kafka-streams`,
    );
  }
}
const broker = await startBroker({ heapMb: 1024 });
const connection = { brokers: [broker.brokers], clientId: 'clickstream-bench' };
console.log(
  `Node ${process.version}, Kafka 4.3.1 on ${broker.brokers}, 4 partitions, acks=all, exactly once`,
);
try {
  const parts = { throughput, latency, recovery, dashboard };
  for (const part of PARTS) if (options.only === undefined || options.only === part) await parts[part]();
} finally {
  await broker.stop();
}

async function throughput(): Promise<void> {
  const { events, users, runs, kafkaStreams } = options;
  console.log(`\nThroughput, ${grouped(events)} clicks of ${grouped(users)} users, median of ${runs} runs`);
  for (const format of ['sentence', 'json'] as const) {
    const produced: number[] = [];
    const counted: AggregateFigures[] = [];
    const totalsOnly: AggregateFigures[] = [];
    const yardstick: AggregateFigures[] = [];
    for (let run = 0; run < runs; run++) {
      const name = `throughput-${format}-${run}`;
      const clicks = await createBenchTopics(connection, log, name);
      produced.push((await produceClicks(connection, log, clicks, events, users, format)).eventsPerSecond);
      const count = (start: typeof startKafkaStreams, what: string) =>
        aggregateBacklog(connection, log, start, clicks, `${name}-${what}`, events, users);
      counted.push(await count((environment) => startAggregator(environment), 'count'));
      totalsOnly.push(await count(startTotalsOnly, 'totals'));
      if (kafkaStreams) yardstick.push(await count(startKafkaStreams, 'streams'));
    }
    console.log(`  ${format}`);
    console.log(`    produced        ${grouped(median(produced)).padStart(11)} clicks/s`);
    console.log(`    aggregator      ${describeCount(counted)}`);
    console.log(`    totals alone    ${describeCount(totalsOnly)}`);
    if (yardstick.length > 0) console.log(`    Kafka Streams   ${describeCount(yardstick)}`);
    console.log(
      `    aggregator / totals alone    ${describeRatio(counted, totalsOnly)}, to be at least 40 %`,
    );
    if (yardstick.length > 0)
      console.log(
        `    aggregator / Kafka Streams   ${describeRatio(counted, yardstick)}, to be at least 100 %`,
      );
  }
}

/** Throughput of the one by that of the other. */
function describeRatio(one: readonly AggregateFigures[], other: readonly AggregateFigures[]): string {
  const [ofOne, ofOther] = [one, other].map((figures) =>
    median(figures.map(({ eventsPerSecond }) => eventsPerSecond)),
  );
  return `${((100 * (ofOne ?? 0)) / (ofOther ?? 0)).toFixed(0).padStart(4)} %`;
}

function describeCount(figures: readonly AggregateFigures[]): string {
  const of = (pick: (figure: AggregateFigures) => number) => median(figures.map(pick));
  return [
    `${grouped(of(({ eventsPerSecond }) => eventsPerSecond)).padStart(11)} clicks/s`,
    `first result after ${of(({ firstResultSeconds }) => firstResultSeconds).toFixed(1)} s`,
    `${of(({ cpuSeconds }) => cpuSeconds).toFixed(1)} s CPU`,
    `${grouped(of(({ peakMemoryMb }) => peakMemoryMb))} MB`,
  ].join(', ');
}

async function latency(): Promise<void> {
  const { users, seconds, kafkaStreams } = options;
  console.log(`\nLatency, click handed over → committed total read, ${seconds} s each`);
  console.log('  clicks/s                              p50 ms   p99 ms   CPU process   CPU broker');
  for (const rate of RATES) {
    const measure = (
      start: (environment: BenchEnvironment) => ReturnType<typeof startKafkaStreams>,
      name: string,
    ) =>
      measureLatency(connection, log, start, `latency-${rate}-${name}`, { rate, seconds, users }, broker.pid);
    const print = (what: string, { p50Ms, p99Ms, processCpu, brokerCpu }: LatencyFigures) => {
      const cells = [
        p50Ms.toFixed(0).padStart(7),
        p99Ms.toFixed(0).padStart(7),
        processCpu.toFixed(2).padStart(12),
      ];
      console.log(
        `  ${String(rate).padStart(8)}  ${what.padEnd(26)}  ${cells.join('  ')}  ${brokerCpu.toFixed(2).padStart(11)}`,
      );
    };
    for (const interval of COMMIT_INTERVALS_MS) {
      const start = (environment: BenchEnvironment) =>
        startAggregator(environment, { COMMIT_INTERVAL_MS: String(interval) });
      print(`COMMIT_INTERVAL_MS=${interval}`, await measure(start, String(interval)));
    }
    if (kafkaStreams) print('Kafka Streams', await measure(startKafkaStreams, 'streams'));
  }
}

async function recovery(): Promise<void> {
  const users = 100_000;
  console.log(`\nRecovery, longest silence of a partition, ${grouped(users)} users, 400 clicks/s`);
  for (const disturbance of [
    'restart of a static member',
    'graceful stop beside another',
    'kill -9 beside another',
  ] as const) {
    const name = `recovery-${disturbance.replaceAll(/[^a-z0-9]+/g, '-')}`;
    const seconds = await measureRecovery(connection, log, name, disturbance, users);
    console.log(`  ${disturbance.padEnd(32)} ${seconds.toFixed(1).padStart(5)} s`);
  }
  const seconds = await measureRestore(connection, log, 'restore', 1_000_000);
  console.log(`  start over 1,000,000 users       ${seconds.toFixed(1).padStart(5)} s`);
}

async function dashboard(): Promise<void> {
  const rate = DASHBOARD_CLICKS_PER_SECOND;
  console.log(
    `\nDashboard, ${grouped(DASHBOARD_USERS)} users, 1,000 requests/s for ${options.seconds} s, ${grouped(rate)} clicks/s`,
  );
  const figures = await measureDashboard(connection, log, 'dashboard', {
    users: DASHBOARD_USERS,
    rate,
    seconds: options.seconds,
  });
  const { p50Ms, p99Ms, slowestMs, clients, memoryBeforeMb, lagSeconds, lagBeforeSeconds } = figures.streams;
  const aims = DASHBOARD_AIMS;
  for (const [what, figure, aim] of [
    ['ready after', `${figures.readySeconds.toFixed(1)} s`, `${aims.readySeconds} s`],
    ['API, p50', `${figures.p50Ms.toFixed(1)} ms`, ''],
    ['API, p99', `${figures.p99Ms.toFixed(1)} ms`, `${aims.apiP99Ms} ms`],
    ['memory, ready', `${grouped(figures.readyMemoryMb)} MB`, `${aims.memoryMb} MB`],
    ['memory, at most', `${grouped(figures.peakMemoryMb)} MB`, ''],
    ['CPU of a core', figures.processCpu.toFixed(2), ''],
    ['oldest click not counted', `${figures.lagSeconds.toFixed(1)} s`, ''],
    ['  without these requests', `${lagBeforeSeconds.toFixed(1)} s`, ''],
    [`${READING_CLIENTS} clients of the stream, ${DEAF_CLIENTS} more that never read`, '', ''],
    ['  commit → client, p50', `${p50Ms.toFixed(0)} ms`, ''],
    ['  commit → client, p99', `${p99Ms.toFixed(0)} ms`, `${aims.streamMs} ms`],
    ['  commit → client, slowest', `${slowestMs.toFixed(0)} ms`, ''],
    ['  memory before', `${grouped(memoryBeforeMb)} MB`, ''],
    ['  memory, at most', `${grouped(figures.streams.peakMemoryMb)} MB`, ''],
    ['  connected in the end', String(clients), ''],
    ['  oldest click not counted', `${lagSeconds.toFixed(1)} s`, ''],
  ] as const)
    console.log(`  ${what.padEnd(30)}${figure.padStart(10)}${aim === '' ? '' : `   (aim: at most ${aim})`}`);
}

function wholeNumber(text: string): number {
  const number = /^\d+$/.test(text) ? Number(text) : 0;
  if (number >= 1) return number;
  throw new InvalidArgumentError('It must be a whole number from 1.');
}
