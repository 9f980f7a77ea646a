import { randomUUID } from 'node:crypto';
import {
  createLogger,
  createRecordProducer,
  ensureTopics,
  type KafkaConnection,
  type OutgoingRecord,
} from '@clickstream/kafka-client';
import {
  createTopicSpecs,
  DEFAULT_TOPIC_NAMES,
  encodeDeadLetter,
  encodeRunningTotal,
  type DeadLetter,
  type RecordFormat,
  type RunningTotal,
} from '@clickstream/schema';
import { onTestFinished } from 'vitest';

const silent = createLogger('test', { LOG_LEVEL: 'silent', LOG_FORMAT: 'json' }, false);

/** The topics of one test, and a way to write to them. */
export interface TestTopics {
  readonly clicks: string;
  readonly totals: string;
  readonly deadLetters: string;
  /** Names of topics that are not there yet. */
  readonly pages: string;
  readonly sessions: string;
  readonly applicationId: string;
  /** What makes the results consumer use them. */
  readonly environment: Readonly<Record<string, string>>;
  /** Writes records, in order within a partition, and resolves when all are acknowledged. */
  write(...records: readonly OutgoingRecord[]): Promise<void>;
  /** A running total as the aggregator writes it. */
  total(userId: string, clicks: number, format?: RecordFormat, lastUrl?: string): OutgoingRecord;
  /** A record of the click topic. */
  click(value: string | Buffer, partition?: number): OutgoingRecord;
  /** A dead letter as the aggregator writes it; what is not given is made up. */
  letter(letter: Partial<DeadLetter> & Pick<DeadLetter, 'reason'>): OutgoingRecord;
}

export interface TestTopicsOptions {
  /** Default: 4. */
  readonly partitions?: number;
  /** Settings of the click topic that are not those it is usually created with. */
  readonly clickTopicConfig?: Readonly<Record<string, string>>;
  /** The `onTestFinished` of a test that runs beside others. */
  readonly atEnd?: (tidyUp: () => Promise<void>) => void;
}

/** Creates the topics of a test. */
export async function createTestTopics(
  brokers: string,
  { partitions = 4, clickTopicConfig = {}, atEnd = onTestFinished }: TestTopicsOptions = {},
): Promise<TestTopics> {
  const id = randomUUID();
  const clicks = `clicks-${id}`;
  const totals = `totals-${id}`;
  const pages = `pages-${id}`;
  const sessions = `sessions-${id}`;
  const deadLetters = `dead-letters-${id}`;
  const applicationId = `app-${id}`;
  const connection: KafkaConnection = { brokers: [brokers], clientId: 'test' };
  const specs = createTopicSpecs({
    ...DEFAULT_TOPIC_NAMES,
    CLICKSTREAM_TOPIC: clicks,
    USER_CLICK_AGGREGATION_TOPIC: totals,
    DEAD_LETTER_TOPIC: deadLetters,
  });
  await ensureTopics({
    connection,
    log: silent,
    topics: [
      { name: clicks, config: { ...specs.CLICKSTREAM_TOPIC.config, ...clickTopicConfig } },
      specs.USER_CLICK_AGGREGATION_TOPIC,
      specs.DEAD_LETTER_TOPIC,
    ],
    partitions,
  });
  const producer = await createRecordProducer([clicks, totals, deadLetters], {
    connection,
    log: silent,
    lingerMs: 0,
  });
  atEnd(() => producer.close());
  return {
    clicks,
    totals,
    pages,
    sessions,
    deadLetters,
    applicationId,
    environment: {
      KAFKA_BROKERS: brokers,
      CLICKSTREAM_TOPIC: clicks,
      USER_CLICK_AGGREGATION_TOPIC: totals,
      PAGE_CLICK_AGGREGATION_TOPIC: pages,
      USER_SESSION_AGGREGATION_TOPIC: sessions,
      DEAD_LETTER_TOPIC: deadLetters,
      APPLICATION_ID: applicationId,
    },
    write: async (...records) => {
      await Promise.all(records.map((record) => producer.send(record)));
    },
    total: (userId, count, format = 'json', lastUrl = '/page3') => {
      const total: RunningTotal = {
        userId,
        clicks: count,
        lastClickAt: 1_711_111_111_123,
        lastUrl,
      };
      const { key, value, headers } = encodeRunningTotal(total, format);
      return {
        topic: totals,
        key: Buffer.from(key),
        value: Buffer.from(value),
        ...(headers && { headers }),
      };
    },
    click: (value, partition) => ({
      topic: clicks,
      key: null,
      value: Buffer.from(value),
      ...(partition !== undefined && { partition }),
    }),
    letter: (letter) => {
      const { partition = 0 } = letter;
      const encoded = encodeDeadLetter({
        detail: 'made up',
        topic: clicks,
        partition,
        offset: 17n,
        timestampMs: 1_711_111_111_123,
        key: null,
        value: null,
        headers: [],
        ...letter,
      });
      return { topic: deadLetters, partition, ...encoded };
    },
  };
}
