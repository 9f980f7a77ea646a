import {
  copyRecords,
  createLogger,
  createPartitionReader,
  ensureTopics,
  homePartition,
  kafkaConnection,
  KafkaClientError,
  type AppContext,
  type KafkaConnection,
  type Logger,
  type PartitionReader,
  type PlacedRecord,
  type RecordCursor,
} from '@clickstream/kafka-client';
import {
  createTopicSpecs,
  decodeDeadLetter,
  DEFAULT_TOPIC_NAMES,
  printable,
  type DeadLetterReason,
} from '@clickstream/schema';
import type { ReplayDeadLettersOptions } from './command-line.ts';
import type { ProducerConfig } from './config.ts';
import { clickSentAgain } from './core/click-sent-again.ts';
import { REPLAYABLE_REASONS } from './core/replayable-reasons.ts';
import { inRed } from './io/format-delivery.ts';

/** Records of one kind that are shown for each reason; the others are only counted. */
const SHOWN = 5;

/**
 * Sends the clicks of dead letters to the click topic again, each once however often it is run: one reason after the
 * other, each with a consumer group of its own, up to where the dead-letter topic ends when it starts.
 *
 * @returns the exit code: 1 if a transaction is not known to be committed or another replay took over.
 * @throws KafkaClientError when Kafka cannot be reached at the start.
 */
export async function replayDeadLetters(
  context: AppContext,
  config: ProducerConfig,
  options: ReplayDeadLettersOptions,
): Promise<number> {
  const { stdout, stderr, signal } = context;
  const connection = kafkaConnection(config, 'clickstream-producer');
  const log = createLogger('producer', config, stderr.isTTY === true);
  const topics = createTopicSpecs({ ...DEFAULT_TOPIC_NAMES, ...config });
  const partitions = await ensureTopics({
    connection,
    log,
    topics: [topics.CLICKSTREAM_TOPIC, topics.DEAD_LETTER_TOPIC],
    partitions: config.TOPIC_PARTITIONS,
    signal,
  });
  const reader = await createPartitionReader({ connection, log });
  const startedAt = performance.now();
  const total = { ...NOTHING };
  let problem: KafkaClientError | undefined;
  try {
    const { CLICKSTREAM_TOPIC: clicks, DEAD_LETTER_TOPIC: deadLetters } = config;
    // Asked once: what is rejected again while this runs waits for the next run, also under another reason.
    const ends = await reader.endOffsets(deadLetters);
    const reasons = options.reason === undefined ? REPLAYABLE_REASONS : [options.reason];
    stderr.write(
      `ready: replaying dead letters (${reasons.join(', ')}) of ${deadLetters} to ${clicks} at ${connection.brokers.join(',')}\n`,
    );
    const surroundings = {
      connection,
      log,
      reader,
      clicks,
      deadLetters,
      partitions,
      unreadable: new Map<number, bigint>(),
    };
    for (const reason of reasons) {
      if (signal.aborted) break;
      const replay = new ReasonReplay(context, surroundings);
      try {
        await replay.run(reason, ends, options.force ?? false);
      } catch (error) {
        if (!(error instanceof KafkaClientError)) throw error;
        problem = error;
        stderr.write(`${inRed(explain(error, reason), stderr)}\n`);
        // It concerns this reason only.
        if (error.code !== 'CLICKSTREAM_KAFKA_REFUSED') break;
      } finally {
        for (const count of COUNTS) total[count] += replay.counts[count];
        if (COUNTS.some((count) => replay.counts[count] > 0))
          stdout.write(`${reason}: ${describe(replay.counts)}\n`);
      }
    }
  } finally {
    await reader.close();
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
    stdout.write(`summary: ${describe(total)}, over ${seconds} s\n`);
  }
  return problem ? 1 : 0;
}

const COUNTS = ['sent', 'acknowledged', 'failed', 'cut', 'unreadable'] as const;
type Counts = Record<(typeof COUNTS)[number], number>;
const NOTHING: Counts = { sent: 0, acknowledged: 0, failed: 0, cut: 0, unreadable: 0 };

function describe(counts: Counts): string {
  return COUNTS.map((count) => `${count} ${counts[count]}`).join(', ');
}

function explain(error: KafkaClientError, reason: DeadLetterReason): string {
  if (error.code === 'CLICKSTREAM_KAFKA_REPLACED')
    return `another replay of ${reason} dead letters has taken over, or this one was too slow: it ends; what it has not sent, the other one or the next run sends`;
  if (error.code === 'CLICKSTREAM_KAFKA_REFUSED')
    return `${reason} dead letters are not replayed: ${error.message}. To send them all the same: producer replay --dead-letters --reason ${reason} --force`;
  return `${error.message}; run it again once Kafka answers: nothing is sent twice`;
}

interface Surroundings {
  readonly connection: KafkaConnection;
  readonly log: Logger;
  readonly reader: PartitionReader;
  readonly clicks: string;
  readonly deadLetters: string;
  /** Of both topics. */
  readonly partitions: number;
  /** The last offset per partition that was found to be no dead letter: every reason's replay comes across it. */
  readonly unreadable: Map<number, bigint>;
}

/** The replay of one reason. */
class ReasonReplay {
  readonly counts: Counts = { ...NOTHING };
  readonly #context: AppContext;
  readonly #surroundings: Surroundings;

  constructor(context: AppContext, surroundings: Surroundings) {
    this.#context = context;
    this.#surroundings = surroundings;
  }

  async run(reason: DeadLetterReason, ends: readonly bigint[], force: boolean): Promise<void> {
    const { connection, log, reader, deadLetters } = this.#surroundings;
    await copyRecords({
      connection,
      log,
      reader,
      id: `${deadLetters}_replay_${reason}`,
      topic: deadLetters,
      ends,
      map: (record, partition) => this.#clickOf(record, partition, reason),
      acceptRepetition: force,
      onTransaction: (outcome, records) => {
        this.counts.sent += records;
        this.counts[outcome === 'committed' ? 'acknowledged' : 'failed'] += records;
      },
      signal: this.#context.signal,
    });
  }

  #clickOf(record: RecordCursor, partition: number, reason: DeadLetterReason): PlacedRecord | undefined {
    const { clicks, deadLetters, partitions, unreadable } = this.#surroundings;
    const decoded = decodeDeadLetter({ key: record.key(), value: record.value(), headers: record.headers() });
    const place = `${deadLetters} [${partition}] @ ${record.offset}`;
    if (decoded.status === 'malformed') {
      if (record.offset <= (unreadable.get(partition) ?? -1n)) return undefined;
      unreadable.set(partition, record.offset);
      this.#skip('unreadable', `${place} is no dead letter: ${decoded.detail}`);
      return undefined;
    }
    const letter = decoded.value;
    if (letter.reason !== reason) return undefined;
    if (letter.originalSizeBytes !== undefined) {
      const origin = `${letter.topic} [${letter.partition}] @ ${letter.offset}`;
      this.#skip(
        'cut',
        `${place} is not sent: of the ${letter.originalSizeBytes} bytes of ${origin} only the first are left`,
      );
      return undefined;
    }
    const homeOf = (key: Buffer) => homePartition(key, partitions);
    return { topic: clicks, ...clickSentAgain(letter, homeOf, partitions) };
  }

  #skip(count: 'cut' | 'unreadable', why: string): void {
    this.counts[count]++;
    const { stderr } = this.#context;
    if (this.counts[count] <= SHOWN) stderr.write(`${printable(why)}\n`);
    if (this.counts[count] === SHOWN) stderr.write(`further ones that are ${count} are only counted\n`);
  }
}
