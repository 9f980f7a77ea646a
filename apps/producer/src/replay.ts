import { firstAbort, type AppContext, type AppOutput } from '@clickstream/kafka-client';
import { SchemaError } from '@clickstream/schema';
import type { ReplayOptions } from './command-line.ts';
import type { ProducerConfig } from './config.ts';
import { decodeAccessLogLine } from './core/decode-access-log-line.ts';
import { createLineSplitter, type SplitLine } from './core/line-splitter.ts';
import { createRecordedPace, type ReplaySpeed } from './core/pace.ts';
import { emptySource, noLog, openAccessLog, type AccessLog } from './io/access-log.ts';
import { printSummary } from './io/print-summary.ts';
import { openPublisher, type Publisher } from './io/publisher.ts';
import { formatMalformedLine, showReplayProgress } from './io/replay-progress.ts';
import { wait } from './io/wait.ts';
import type { ProducerError } from './producer-error.ts';

/** Several times what a web server's limits on request line and headers let into its log. */
const MAX_LINE_BYTES = 64 * 1024;
/** Malformed lines that are shown; the others are only counted. */
const SHOWN_MALFORMED = 5;

/**
 * Publishes each line of an access log as a click. Stops at the first click that is not acknowledged: replaying the
 * same log again gives every click the same event id, so nothing is lost or counted twice.
 *
 * @returns the exit code: 1 if any click was not acknowledged.
 * @throws ProducerError when the log cannot be read or holds no click, or the manifest cannot be written;
 * KafkaClientError when Kafka cannot be reached.
 */
export async function replay(
  context: AppContext,
  config: ProducerConfig,
  options: ReplayOptions,
): Promise<number> {
  const log = await openAccessLog(options.source, context.stdin, context.signal);
  try {
    const hasReports = options.report ?? false;
    const manifest = options.manifest === undefined ? undefined : { file: options.manifest, run: log.name };
    const publisher = await openPublisher({ context, config, format: 'json', hasReports, manifest });
    const speed = options.speed === 'max' ? 'as fast as Kafka takes it' : `at speed ${options.speed}`;
    context.stderr.write(`ready: replaying ${log.name} to ${publisher.destination}, ${speed}\n`);
    const run = new Replay(context, log, publisher, options.speed, hasReports);
    let exitCode: number;
    try {
      await run.publishAll();
    } finally {
      const summary = { ...(await publisher.finish()), malformed: run.malformed };
      exitCode = printSummary(summary, publisher.firstFailure, context);
    }
    if (exitCode !== 0) {
      context.stderr.write(
        'replay the log again once Kafka answers: its clicks keep their event ids, those that did arrive are duplicates\n',
      );
    }
    if (publisher.sent === 0 && !context.signal.aborted) throw nothingSent(log, run.malformed);
    return exitCode;
  } finally {
    await log.close();
  }
}

function nothingSent(log: AccessLog, malformed: number): ProducerError {
  return malformed === 0
    ? emptySource(log.name)
    : noLog(log.name, `none of its ${malformed} lines is in common or combined format`);
}

class Replay {
  malformed = 0;
  readonly #stderr: AppOutput;
  readonly #stop: AbortSignal;
  readonly #log: AccessLog;
  readonly #publisher: Publisher;
  readonly #hasReports: boolean;
  readonly #dueAtMs: (timestampMs: number) => number;
  readonly #startedAt = performance.now();
  #lineNumber = 0;
  #bytesDone = 0;
  #note: (line: string) => void;

  constructor(
    context: AppContext,
    log: AccessLog,
    publisher: Publisher,
    speed: ReplaySpeed,
    hasReports: boolean,
  ) {
    this.#stderr = context.stderr;
    this.#stop = firstAbort(context.signal, publisher.loss);
    this.#log = log;
    this.#publisher = publisher;
    this.#hasReports = hasReports;
    this.#dueAtMs = createRecordedPace(speed);
    this.#note = (line) => context.stderr.write(`${line}\n`);
  }

  async publishAll(): Promise<void> {
    if (this.#hasReports) {
      await this.#publishLines();
      return;
    }
    const progress = showReplayProgress(this.#stderr, () => ({
      clicks: this.#publisher.sent,
      malformed: this.malformed,
      bytesDone: this.#bytesDone,
      totalBytes: this.#log.contentBytes,
      elapsedMs: performance.now() - this.#startedAt,
    }));
    this.#note = (line) => {
      progress.note(line);
    };
    try {
      await this.#publishLines();
    } finally {
      progress.stop();
    }
  }

  async #publishLines(): Promise<void> {
    const splitter = createLineSplitter(MAX_LINE_BYTES);
    for await (const chunk of this.#log.read(this.#stop)) {
      for (const line of splitter.push(chunk)) {
        if (this.#stop.aborted) return;
        await this.#publishLine(line);
      }
    }
    // After a signal the last line may be half of one.
    for (const line of splitter.end()) if (!this.#stop.aborted) await this.#publishLine(line);
  }

  async #publishLine({ bytes, isCut, sizeBytes }: SplitLine): Promise<void> {
    const lineNumber = ++this.#lineNumber;
    this.#bytesDone += sizeBytes;
    const eventId = this.#log.eventIdOf(lineNumber, bytes);
    if (isCut) {
      this.#skip(lineNumber, `longer than ${MAX_LINE_BYTES} bytes`, bytes);
      return;
    }
    const decoded = decodeAccessLogLine(bytes);
    if (decoded.status === 'malformed') {
      this.#skip(lineNumber, decoded.detail, bytes);
      return;
    }
    if (!(await this.#waitUntilDue(decoded.value.timestamp))) return;
    try {
      if (!this.#publisher.publish({ eventId, ...decoded.value })) await this.#publisher.whenWritable();
    } catch (error) {
      if (!(error instanceof SchemaError)) throw error;
      this.#skip(lineNumber, error.message, bytes);
    }
  }

  /** @returns false when the run was over first. */
  async #waitUntilDue(timestampMs: number): Promise<boolean> {
    const dueAt = this.#startedAt + this.#dueAtMs(timestampMs);
    while (performance.now() < dueAt && !this.#stop.aborted)
      await wait(dueAt - performance.now(), this.#stop);
    return !this.#stop.aborted;
  }

  #skip(lineNumber: number, detail: string, line: Uint8Array): void {
    this.malformed++;
    if (this.malformed > SHOWN_MALFORMED) return;
    this.#note(formatMalformedLine(lineNumber, detail, line));
    if (this.malformed === SHOWN_MALFORMED) this.#note('further malformed lines are only counted');
  }
}
