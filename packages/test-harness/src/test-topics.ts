import { randomUUID } from 'node:crypto';
import {
  createLogger,
  createPartitionReader,
  createRecordProducer,
  ensureTopics,
  type KafkaConnection,
  type Logger,
  type PartitionReader,
  type RecordProducer,
} from '@clickstream/kafka-client';
import { createTopicSpecs, DEFAULT_TOPIC_NAMES } from '@clickstream/schema';

/** Takes what is run at the end of a test, as vitest's `onTestFinished` does. */
export type AtEnd = (tidyUp: () => Promise<void>) => void;

/** The topics and the application id of one test. */
export interface TestTopics {
  /** Part of all its names, and what the ids of its users begin with. */
  readonly id: string;
  readonly clicks: string;
  readonly totals: string;
  readonly pages: string;
  readonly sessions: string;
  readonly deadLetters: string;
  readonly checkpoint: string;
  readonly repartition: string;
  readonly applicationId: string;
  readonly partitions: number;
  readonly connection: KafkaConnection;
  readonly log: Logger;
  /** What makes the aggregator use them. */
  readonly environment: Readonly<Record<string, string>>;
  /** Writes to the click topic and to the repartition topic, if that is there already. */
  readonly producer: RecordProducer;
  readonly reader: PartitionReader;
  readonly atEnd: AtEnd;
}

export interface TestTopicsOptions {
  /** Bootstrap list. */
  readonly brokers: string;
  /** What the witness's topics begin with. */
  readonly totalsPrefix: string;
  readonly atEnd: AtEnd;
  readonly partitions?: number;
}

/** Creates the click topic of a test and names the others, which the aggregator creates. */
export async function createTestTopics({
  brokers,
  totalsPrefix,
  atEnd,
  partitions = 4,
}: TestTopicsOptions): Promise<TestTopics> {
  const id = randomUUID().slice(0, 8);
  const clicks = `clicks-${id}`;
  const totals = `${totalsPrefix}${id}`;
  const pages = `pages-${id}`;
  const sessions = `sessions-${id}`;
  const deadLetters = `dead-letters-${id}`;
  const applicationId = `app-${id}`;
  const connection: KafkaConnection = { brokers: brokers.split(','), clientId: 'test' };
  const log = createLogger('test', { LOG_LEVEL: 'silent', LOG_FORMAT: 'json' }, false);
  const spec = createTopicSpecs({ ...DEFAULT_TOPIC_NAMES, CLICKSTREAM_TOPIC: clicks }).CLICKSTREAM_TOPIC;
  await ensureTopics({ connection, log, topics: [spec], partitions });
  const producer = await createRecordProducer([clicks], { connection, log });
  const reader = await createPartitionReader({ connection, log });
  atEnd(async () => {
    await Promise.all([producer.close(), reader.close()]);
  });
  return {
    id,
    clicks,
    totals,
    pages,
    sessions,
    deadLetters,
    applicationId,
    checkpoint: `${applicationId}_checkpoint`,
    repartition: `${applicationId}_repartition`,
    partitions,
    connection,
    log,
    environment: {
      KAFKA_BROKERS: brokers,
      CLICKSTREAM_TOPIC: clicks,
      USER_CLICK_AGGREGATION_TOPIC: totals,
      PAGE_CLICK_AGGREGATION_TOPIC: pages,
      USER_SESSION_AGGREGATION_TOPIC: sessions,
      DEAD_LETTER_TOPIC: deadLetters,
      APPLICATION_ID: applicationId,
    },
    producer,
    reader,
    atEnd,
  };
}
