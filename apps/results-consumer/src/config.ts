import {
  kafkaEnvironment,
  logEnvironment,
  parseEnvironment,
  type Environment,
} from '@clickstream/kafka-client';
import { topicEnvironment } from '@clickstream/schema';
import { z } from 'zod';

const { CLICKSTREAM_TOPIC, USER_CLICK_AGGREGATION_TOPIC, DEAD_LETTER_TOPIC, TOPIC_PARTITIONS } =
  topicEnvironment;

/** Every variable that the results consumer obeys. */
export const environmentSchema = z.object({
  ...kafkaEnvironment,
  ...logEnvironment,
  CLICKSTREAM_TOPIC,
  USER_CLICK_AGGREGATION_TOPIC,
  DEAD_LETTER_TOPIC,
  TOPIC_PARTITIONS,
  APPLICATION_ID: z
    .string()
    .regex(/^[a-zA-Z0-9._-]{1,200}$/, 'must be 1 to 200 letters, digits, dots, dashes or underscores')
    .prefault('click_aggregator')
    .describe(
      'Consumer group and prefix of everything internal; two aggregations need different ids and result topics',
    ),
});

export type Config = z.output<typeof environmentSchema>;

/** @throws KafkaClientError `CLICKSTREAM_KAFKA_CONFIGURATION` naming every wrong variable. */
export function readConfig(environment: Environment): Config {
  return parseEnvironment(environmentSchema, environment);
}
