import {
  kafkaEnvironment,
  logEnvironment,
  parseEnvironment,
  type Environment,
} from '@clickstream/kafka-client';
import { topicEnvironment } from '@clickstream/schema';
import { z } from 'zod';

/** Every variable that the results consumer obeys. */
export const environmentSchema = z.object({
  ...kafkaEnvironment,
  ...logEnvironment,
  ...topicEnvironment,
});

export type Config = z.output<typeof environmentSchema>;

/** @throws KafkaClientError `CLICKSTREAM_KAFKA_CONFIGURATION` naming every wrong variable. */
export function readConfig(environment: Environment): Config {
  return parseEnvironment(environmentSchema, environment);
}
