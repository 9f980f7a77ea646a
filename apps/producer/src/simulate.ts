import { randomBytes, randomInt } from 'node:crypto';
import { setImmediate as turnOfEventLoop } from 'node:timers/promises';
import type { AppContext } from '@clickstream/kafka-client';
import type { SimulateOptions } from './command-line.ts';
import type { ProducerConfig } from './config.ts';
import { createClickGenerator } from './core/click-generator.ts';
import { createSteadyPace } from './core/pace.ts';
import { openPublisher, type Publisher } from './io/publisher.ts';
import { printSummary } from './io/print-summary.ts';
import { wait } from './io/wait.ts';

/** Above this rate nobody can read a line per click. */
const REPORTED_RATE_MAX = 10;
/** Clicks made at a stretch, so that signals and Kafka's answers get their turn within a few ms. */
const BURST = 1000;
const RUN_ID_BYTES = 8;

/**
 * Publishes made-up clicks until the count, the duration or a signal ends it.
 *
 * @returns the exit code: 1 if any click was not acknowledged.
 * @throws KafkaClientError when Kafka cannot be reached at the start; ProducerError when the manifest cannot be written.
 */
export async function simulate(
  context: AppContext,
  config: ProducerConfig,
  options: SimulateOptions,
): Promise<number> {
  const { rate, seed = randomInt(2 ** 32), runId = randomBytes(RUN_ID_BYTES).toString('hex') } = options;
  const hasReports = options.report ?? (rate !== 'max' && rate <= REPORTED_RATE_MAX);
  const manifest = options.manifest === undefined ? undefined : { file: options.manifest, run: runId };
  const publisher = await openPublisher({ context, config, format: options.format, hasReports, manifest });
  const speed = rate === 'max' ? 'as fast as Kafka takes them' : `${rate} per second`;
  context.stderr.write(
    `ready: publishing clicks to ${publisher.destination}, ${speed} (run ${runId}, seed ${seed})\n`,
  );
  await publishSteadily(publisher, { ...options, seed, runId }, context.signal);
  return printSummary({ ...(await publisher.finish()), malformed: 0 }, publisher.firstFailure, context);
}

async function publishSteadily(
  publisher: Publisher,
  options: SimulateOptions & { seed: number; runId: string },
  signal: AbortSignal,
): Promise<void> {
  const { count = Infinity, duration: durationMs = Infinity } = options;
  const clicks = createClickGenerator(options);
  const pace = createSteadyPace(options.rate);
  const limit = Math.min(count, pace.dueWithin(durationMs));
  const startedAt = performance.now();
  while (!signal.aborted) {
    const elapsedMs = performance.now() - startedAt;
    const due = Math.min(pace.dueBy(elapsedMs), limit);
    const burstEnd = Math.min(due, publisher.sent + BURST);
    while (publisher.sent < burstEnd) {
      if (publisher.publish(clicks.next(Date.now()))) continue;
      await publisher.whenWritable();
      break;
    }
    // The duration also ends a run that cannot keep its pace.
    if (publisher.sent >= limit || elapsedMs >= durationMs) return;
    if (publisher.sent < due) await turnOfEventLoop();
    else await wait(pace.dueAtMs(publisher.sent) - (performance.now() - startedAt), signal);
  }
}
