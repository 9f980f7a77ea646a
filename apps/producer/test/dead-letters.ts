import { randomUUID } from 'node:crypto';
import {
  createLogger,
  createPartitionReader,
  createRecordProducer,
  ensureTopics,
  type KafkaConnection,
  type OutgoingRecord,
} from '@clickstream/kafka-client';
import {
  createTopicSpecs,
  DEFAULT_TOPIC_NAMES,
  encodeDeadLetter,
  type DeadLetter,
} from '@clickstream/schema';
import { onTestFinished } from 'vitest';
import { runProducer, uniqueTopic } from './run-producer.ts';

const log = createLogger('producer-test', { LOG_LEVEL: 'silent' }, false);

/** What a test says of a dead letter; the rest is made up. */
export type LetterContent = Partial<DeadLetter> & Pick<DeadLetter, 'reason'>;

/** A record of the click topic. */
export interface ReadRecord {
  readonly partition: number;
  readonly key: string | null;
  readonly value: string | null;
  readonly headers: readonly (readonly [name: string, value: string])[];
}

/** A click topic and a dead-letter topic that belong to one test. */
export interface DeadLetterTopics {
  readonly clicks: string;
  readonly deadLetters: string;
  /** Writes dead letters as the aggregator does, in order; resolves when all are acknowledged. */
  write(...letters: readonly LetterContent[]): Promise<void>;
  /** Writes any record. */
  writeRecord(record: Omit<OutgoingRecord, 'topic'>): Promise<void>;
  /** Runs `producer replay --dead-letters ARGS`. */
  replay(...args: readonly string[]): ReturnType<typeof runProducer>;
  /** The same through other brokers, such as a proxy. */
  replayVia(brokers: string, ...args: readonly string[]): ReturnType<typeof runProducer>;
  /** Every committed click, partition by partition. */
  read(): Promise<ReadRecord[]>;
}

/** Creates the topics of a test. */
export async function createDeadLetterTopics(brokers: string, partitions = 4): Promise<DeadLetterTopics> {
  const clicks = uniqueTopic();
  const deadLetters = `dead-letters-${randomUUID()}`;
  const connection: KafkaConnection = { brokers: brokers.split(','), clientId: 'producer-test' };
  const specs = createTopicSpecs({
    ...DEFAULT_TOPIC_NAMES,
    CLICKSTREAM_TOPIC: clicks,
    DEAD_LETTER_TOPIC: deadLetters,
  });
  await ensureTopics({
    connection,
    log,
    topics: [specs.CLICKSTREAM_TOPIC, specs.DEAD_LETTER_TOPIC],
    partitions,
  });
  const producer = await createRecordProducer([deadLetters], { connection, log, lingerMs: 0 });
  onTestFinished(() => producer.close());
  let offset = 0n;
  const replayVia: DeadLetterTopics['replayVia'] = (via, ...args) =>
    runProducer({ brokers: via, topic: clicks }, ['replay', '--dead-letters', ...args], {
      env: { DEAD_LETTER_TOPIC: deadLetters },
    });
  return {
    clicks,
    deadLetters,
    write: async (...letters) => {
      await Promise.all(
        letters.map((letter) => {
          const { partition = 0 } = letter;
          const encoded = encodeDeadLetter({
            detail: 'made up',
            topic: clicks,
            partition,
            offset: offset++,
            timestampMs: 1_711_111_111_123,
            key: null,
            value: null,
            headers: [],
            ...letter,
          });
          return producer.send({ topic: deadLetters, partition, ...encoded });
        }),
      );
    },
    writeRecord: async (record) => {
      await producer.send({ topic: deadLetters, ...record });
    },
    replay: (...args) => replayVia(brokers, ...args),
    replayVia,
    read: async () => {
      // To the end of the log, not that of what is committed: a commit is answered before its markers are written.
      const [reader, all] = await Promise.all([
        createPartitionReader({ connection, log }),
        createPartitionReader({ connection, log, isolation: 'read_uncommitted' }),
      ]);
      try {
        const records: ReadRecord[] = [];
        for (const [partition, to] of (await all.endOffsets(clicks)).entries())
          for await (const batch of reader.read({ topic: clicks, partition, from: 0n, to }))
            for (const record = batch.walk(); record.next();)
              records.push({
                partition,
                key: record.key()?.toString('latin1') ?? null,
                value: record.value()?.toString('latin1') ?? null,
                headers: record.headers().map(([name, value]) => [name, value.toString('latin1')]),
              });
        return records;
      } finally {
        await Promise.all([reader.close(), all.close()]);
      }
    },
  };
}
