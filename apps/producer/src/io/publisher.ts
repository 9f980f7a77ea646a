import { once } from 'node:events';
import { createHistogram } from 'node:perf_hooks';
import {
  createLogger,
  createRecordProducer,
  ensureTopics,
  firstAbort,
  kafkaConnection,
  type AppContext,
  type DeliveryReport,
  type RecordProducer,
} from '@clickstream/kafka-client';
import { createTopicSpecs, DEFAULT_TOPIC_NAMES, encodeClickEvent } from '@clickstream/schema';
import type { ClickEvent, RecordFormat } from '@clickstream/schema';
import type { ProducerConfig } from '../config.ts';
import type { RunSummary } from '../core/format-summary.ts';
import { formatDelivery } from './format-delivery.ts';
import { Manifest } from './manifest.ts';
import { orAborted, wait } from './wait.ts';

/** Publishes clicks to the click topic and keeps count of what became of them. */
export interface Publisher {
  /** For people: `user_clickstream at localhost:9092`. */
  readonly destination: string;
  readonly sent: number;
  /** Aborts at the first click that is not acknowledged. */
  readonly loss: AbortSignal;
  /** Why the first click failed; undefined while none has. */
  readonly firstFailure: string | undefined;
  /**
   * Sends a click, keyed by its user id.
   *
   * @returns false when it was taken but `whenWritable()` is to be awaited before the next one.
   * @throws SchemaError for a click outside the schema's limits; it is not counted as sent.
   */
  publish(click: ClickEvent): boolean;
  /** Resolves when there is room again and standard output has taken the reports, or the signal aborts. */
  whenWritable(): Promise<void>;
  /**
   * Waits for the answers that are still out: at most 5 s after the signal, otherwise until 40 s
   * pass without an acknowledgement. What has no answer then counts as failed. Unless the signal aborts, waits
   * as well until standard output has taken the reports.
   */
  finish(): Promise<Omit<RunSummary, 'malformed'>>;
}

export interface PublisherOptions {
  readonly context: AppContext;
  readonly config: ProducerConfig;
  readonly format: RecordFormat;
  /** Whether to print a line on standard output for each click. */
  readonly hasReports: boolean;
  /** Where to note every click that is acknowledged, and the name of the run there. */
  readonly manifest?: { readonly file: string; readonly run: string } | undefined;
}

/** `runApp` ends a process by force 8 s after a signal. */
const STOP_FLUSH_MS = 5_000;
const STOP_CLOSE_MS = 6_500;
/** The client gives up a send to a broker that is gone after some 30 s; after a longer silence no answer will come. */
const LONGEST_SILENCE_MS = 40_000;
const MICROSECONDS_PER_MS = 1000;

/**
 * Creates the topic if it is missing, connects and opens the manifest.
 *
 * @throws KafkaClientError what configuration, `ensureTopics` and connecting throw, within 15 s; ProducerError when
 * the manifest cannot be written.
 */
export async function openPublisher(options: PublisherOptions): Promise<Publisher> {
  const { context, config } = options;
  const connection = kafkaConnection(config, 'clickstream-producer');
  const log = createLogger('producer', config, context.stderr.isTTY === true);
  const topic = config.CLICKSTREAM_TOPIC;
  const specs = createTopicSpecs({ ...DEFAULT_TOPIC_NAMES, CLICKSTREAM_TOPIC: topic });
  await ensureTopics({
    connection,
    log,
    topics: [specs.CLICKSTREAM_TOPIC],
    partitions: config.TOPIC_PARTITIONS,
    signal: context.signal,
  });
  const producer = await createRecordProducer([topic], { connection, log });
  try {
    // Not sooner, so that a start that fails leaves an earlier manifest as it is.
    const manifest =
      options.manifest && new Manifest(options.manifest.file, { topic, run: options.manifest.run });
    return new KafkaPublisher(options, producer, manifest);
  } catch (error) {
    await producer.close();
    throw error;
  }
}

class KafkaPublisher implements Publisher {
  readonly destination: string;
  sent = 0;
  firstFailure: string | undefined;

  readonly #producer: RecordProducer;
  readonly #topic: string;
  readonly #format: RecordFormat;
  readonly #context: AppContext;
  readonly #hasReports: boolean;
  readonly #manifest: Manifest | undefined;
  readonly #latencies = createHistogram();
  readonly #loss = new AbortController();
  #acknowledged = 0;
  #failed = 0;
  #startedAt: number | undefined;
  #lastAnswerAt = 0;
  #lastAcknowledgedAt = 0;
  #lastError: Error | undefined;
  /** Resolves when standard output has taken the reports written so far; undefined while it keeps up. */
  #reportsTaken: Promise<unknown> | undefined;

  constructor(
    { context, config, format, hasReports }: PublisherOptions,
    producer: RecordProducer,
    manifest: Manifest | undefined,
  ) {
    this.#producer = producer;
    this.#topic = config.CLICKSTREAM_TOPIC;
    this.#format = format;
    this.#context = context;
    this.#hasReports = hasReports;
    this.#manifest = manifest;
    this.destination = `${this.#topic} at ${config.KAFKA_BROKERS.join(',')}`;
  }

  get loss(): AbortSignal {
    return this.#loss.signal;
  }

  publish(click: ClickEvent): boolean {
    const value = Buffer.from(encodeClickEvent(click, this.#format));
    this.#startedAt ??= performance.now();
    this.sent++;
    const hasRoom = this.#producer.write(
      { topic: this.#topic, key: Buffer.from(click.userId), value },
      this.#manifest ? this.#noting(this.#manifest, click.userId, value) : this.#onDelivery,
    );
    return hasRoom && this.#reportsTaken === undefined;
  }

  whenWritable(): Promise<void> {
    return orAborted(Promise.all([this.#producer.whenWritable(), this.#reportsTaken]), this.#context.signal);
  }

  async finish(): Promise<Omit<RunSummary, 'malformed'>> {
    const { signal } = this.#context;
    const flushed = new AbortController();
    await Promise.race([
      this.#producer.flush().then(() => {
        flushed.abort();
      }),
      this.#silence(firstAbort(signal, flushed.signal)),
    ]);
    // Closing waits for requests under way, which a dead broker holds up for longer than a signal allows.
    const closing = new AbortController();
    await Promise.race([
      this.#producer.close(signal.aborted ? STOP_FLUSH_MS : 1).then(() => {
        closing.abort();
      }),
      wait(STOP_CLOSE_MS, closing.signal),
    ]);
    this.#manifest?.close();
    if (this.#reportsTaken) await orAborted(this.#reportsTaken, signal);
    const unanswered = this.sent - this.#acknowledged - this.#failed;
    if (unanswered > 0) this.firstFailure ??= 'no answer from Kafka';
    return {
      sent: this.sent,
      acknowledged: this.#acknowledged,
      failed: this.#failed + unanswered,
      elapsedMs: this.#startedAt === undefined ? 0 : Math.max(0, this.#lastAnswerAt - this.#startedAt),
      latencyMs:
        this.#acknowledged === 0
          ? undefined
          : {
              p50: this.#latencies.percentile(50) / MICROSECONDS_PER_MS,
              p99: this.#latencies.percentile(99) / MICROSECONDS_PER_MS,
            },
    };
  }

  /** Resolves when the signal aborts, or when nothing was acknowledged for so long that nothing will be. */
  async #silence(signal: AbortSignal): Promise<void> {
    const startedAt = performance.now();
    while (!signal.aborted) {
      const leftMs = Math.max(startedAt, this.#lastAcknowledgedAt) + LONGEST_SILENCE_MS - performance.now();
      if (leftMs <= 0) return;
      await wait(leftMs, signal);
    }
  }

  #noting(manifest: Manifest, userId: string, value: Buffer): (report: DeliveryReport) => void {
    return (report) => {
      if (report.status === 'delivered') manifest.add(report, userId, value);
      this.#onDelivery(report);
    };
  }

  readonly #onDelivery = (report: DeliveryReport): void => {
    this.#lastAnswerAt = performance.now();
    if (report.status === 'delivered') {
      this.#acknowledged++;
      this.#lastAcknowledgedAt = this.#lastAnswerAt;
      this.#latencies.record(Math.max(1, Math.round(report.latencyMs * MICROSECONDS_PER_MS)));
    } else {
      this.#failed++;
      this.firstFailure ??= report.error.message;
      this.#loss.abort();
    }
    const { stdout, stderr } = this.#context;
    if (this.#hasReports) {
      this.#report(`${formatDelivery(report, stdout)}\n`);
    } else if (report.status === 'failed' && report.error !== this.#lastError) {
      // All clicks of a failed request share its error: one line for them.
      this.#lastError = report.error;
      stderr.write(`${formatDelivery(report, stderr)}\n`);
    }
  };

  #report(line: string): void {
    const { stdout, signal } = this.#context;
    if (stdout.write(line)) return;
    // A reader that is gone is the business of `runApp`, which aborts the signal.
    this.#reportsTaken ??= once(stdout, 'drain', { signal })
      .catch(() => undefined)
      .finally(() => {
        this.#reportsTaken = undefined;
      });
  }
}
