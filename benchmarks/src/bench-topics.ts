import { ensureTopics, type KafkaConnection, type Logger } from '@clickstream/kafka-client';
import { createTopicSpecs, DEFAULT_TOPIC_NAMES } from '@clickstream/schema';

/** Names that belong to one measurement, as environment of the apps. */
export interface BenchEnvironment {
  readonly KAFKA_BROKERS: string;
  readonly CLICKSTREAM_TOPIC: string;
  readonly USER_CLICK_AGGREGATION_TOPIC: string;
  readonly PAGE_CLICK_AGGREGATION_TOPIC: string;
  readonly USER_SESSION_AGGREGATION_TOPIC: string;
  readonly DEAD_LETTER_TOPIC: string;
  readonly APPLICATION_ID: string;
}

export const PARTITIONS = 4;

/** Topics of their own for one measurement, created. */
export async function createBenchTopics(
  connection: KafkaConnection,
  log: Logger,
  name: string,
): Promise<BenchEnvironment> {
  const environment = {
    KAFKA_BROKERS: connection.brokers.join(','),
    CLICKSTREAM_TOPIC: `bench-${name}-clicks`,
    ...resultNames(name),
  };
  const topics = createTopicSpecs({ ...DEFAULT_TOPIC_NAMES, ...environment });
  await ensureTopics({
    connection,
    log,
    topics: [
      topics.CLICKSTREAM_TOPIC,
      topics.USER_CLICK_AGGREGATION_TOPIC,
      topics.PAGE_CLICK_AGGREGATION_TOPIC,
      topics.USER_SESSION_AGGREGATION_TOPIC,
      topics.DEAD_LETTER_TOPIC,
    ],
    partitions: PARTITIONS,
  });
  return environment;
}

/** Another aggregation over the same clicks: an application id and result topics of its own. */
export function resultNames(name: string): Omit<BenchEnvironment, 'KAFKA_BROKERS' | 'CLICKSTREAM_TOPIC'> {
  return {
    USER_CLICK_AGGREGATION_TOPIC: `bench-${name}-totals`,
    PAGE_CLICK_AGGREGATION_TOPIC: `bench-${name}-pages`,
    USER_SESSION_AGGREGATION_TOPIC: `bench-${name}-sessions`,
    DEAD_LETTER_TOPIC: `bench-${name}-dead-letters`,
    APPLICATION_ID: `bench-${name}`,
  };
}
