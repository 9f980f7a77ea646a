import { createLogger } from '@clickstream/kafka-client';
import { startBroker } from '@clickstream/local-kafka';
import { Command, Option } from 'commander';
import { createBenchTopics } from './bench-topics.ts';
import { measureLatency } from './latency.ts';
import { grouped, median } from './statistics.ts';
import { aggregateBacklog, produceClicks } from './throughput.ts';

const COMMIT_INTERVALS_MS = [0, 5, 10, 20, 50, 100];
const RATES = [1_000, 5_000];

const options = new Command('bench')
  .description(
    'Measures the pipeline on a broker of its own. Figures are medians; compare them within one run only.',
  )
  .addOption(new Option('--only <part>', 'measure one part').choices(['throughput', 'latency']))
  .option('--events <count>', 'clicks of a throughput run', Number, 1_000_000)
  .option('--users <count>', 'different users', Number, 100)
  .option('--runs <count>', 'throughput runs', Number, 3)
  .option('--seconds <count>', 'length of a latency run', Number, 10)
  .parse()
  .opts<{ only?: 'throughput' | 'latency'; events: number; users: number; runs: number; seconds: number }>();

const log = createLogger('bench', { LOG_LEVEL: 'warn' }, true);
const broker = await startBroker({ heapMb: 1024 });
const connection = { brokers: [broker.brokers], clientId: 'clickstream-bench' };
console.log(`Node ${process.version}, Kafka 4.3.1 on ${broker.brokers}, 4 partitions, acks=all`);
try {
  if (options.only !== 'latency') await throughput();
  if (options.only !== 'throughput') await latency();
} finally {
  await broker.stop();
}

async function throughput(): Promise<void> {
  const { events, users, runs } = options;
  console.log(`\nThroughput, ${grouped(events)} clicks of ${grouped(users)} users, median of ${runs} runs`);
  for (const format of ['sentence', 'json'] as const) {
    const produced = [];
    const counted = [];
    for (let run = 0; run < runs; run++) {
      const name = `throughput-${format}-${run}`;
      const clicks = await createBenchTopics(connection, log, name);
      produced.push(await produceClicks(connection, log, clicks, events, users, format));
      counted.push(await aggregateBacklog(connection, log, clicks, `${name}-count`, events, users));
    }
    const produce = median(produced.map(({ eventsPerSecond }) => eventsPerSecond));
    const count = median(counted.map(({ eventsPerSecond }) => eventsPerSecond));
    const cpu = median(counted.map(({ cpuSeconds }) => cpuSeconds));
    const memory = median(counted.map(({ peakMemoryMb }) => peakMemoryMb));
    const first = median(counted.map(({ firstResultSeconds }) => firstResultSeconds));
    console.log(
      `  ${format.padEnd(8)}  produced ${grouped(produce)}/s   counted exactly once ${grouped(count)}/s, first result after ${first.toFixed(1)} s, ${cpu.toFixed(1)} s CPU, ${grouped(memory)} MB`,
    );
  }
}

async function latency(): Promise<void> {
  const { users, seconds } = options;
  console.log(`\nLatency, click handed over → committed total read, ${seconds} s each`);
  console.log('  clicks/s  COMMIT_INTERVAL_MS   p50 ms   p99 ms   CPU aggregator   CPU broker');
  for (const rate of RATES)
    for (const commitIntervalMs of COMMIT_INTERVALS_MS) {
      const name = `latency-${rate}-${commitIntervalMs}`;
      const figures = await measureLatency(
        connection,
        log,
        name,
        { rate, seconds, users, commitIntervalMs },
        broker.pid,
      );
      console.log(
        `  ${String(rate).padStart(8)}  ${String(commitIntervalMs).padStart(18)}  ${figures.p50Ms.toFixed(0).padStart(7)}  ${figures.p99Ms.toFixed(0).padStart(7)}  ${figures.aggregatorCpu.toFixed(2).padStart(15)}  ${figures.brokerCpu.toFixed(2).padStart(11)}`,
      );
    }
}
