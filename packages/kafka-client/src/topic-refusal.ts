import type { KafkaClientErrorCode } from './error.ts';

const CODES: ReadonlyMap<unknown, KafkaClientErrorCode> = new Map([
  ['UNKNOWN_TOPIC_OR_PARTITION', 'CLICKSTREAM_KAFKA_TOPIC_MISSING'],
  ['INVALID_TOPIC_EXCEPTION', 'CLICKSTREAM_KAFKA_TOPIC_MISSING'],
  ['TOPIC_AUTHORIZATION_FAILED', 'CLICKSTREAM_KAFKA_AUTHORIZATION'],
  ['CLUSTER_AUTHORIZATION_FAILED', 'CLICKSTREAM_KAFKA_AUTHORIZATION'],
]);

/** Our code for an error of kafkajs that says that the broker does not have a topic, or not for us; undefined for any other. */
export function topicRefusal(error: unknown): KafkaClientErrorCode | undefined {
  return error instanceof Error && 'type' in error ? CODES.get(error.type) : undefined;
}
