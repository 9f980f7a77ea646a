import {
  kafkaEnvironment,
  logEnvironment,
  parseEnvironment,
  type Environment,
} from '@clickstream/kafka-client';
import { RECORD_FORMATS, topicEnvironment } from '@clickstream/schema';
import { z } from 'zod';

/** How often a user's total is published: once per user and commit, or once per click. */
export const RESULT_EMITS = ['coalesced', 'every'] as const;
export type ResultEmit = (typeof RESULT_EMITS)[number];

/** Every variable that the aggregator obeys. */
export const environmentSchema = z.object({
  ...kafkaEnvironment,
  ...logEnvironment,
  ...topicEnvironment,
  APPLICATION_ID: z
    .string()
    .regex(/^[a-zA-Z0-9._-]{1,200}$/, 'must be 1 to 200 letters, digits, dots, dashes or underscores')
    .prefault('click_aggregator')
    .describe(
      'Consumer group and prefix of everything internal; two aggregations need different ids and result topics',
    ),
  RESULT_FORMAT: z
    .enum(RECORD_FORMATS)
    .prefault('json')
    .describe('Form of the running totals: `json` or `sentence`'),
  RESULT_EMIT: z
    .enum(RESULT_EMITS)
    .prefault('coalesced')
    .describe('`coalesced` publishes one total per user and commit, `every` one per click'),
});

export type Config = z.output<typeof environmentSchema>;

/** @throws KafkaClientError `CLICKSTREAM_KAFKA_CONFIGURATION` naming every wrong variable. */
export function readConfig(environment: Environment): Config {
  return parseEnvironment(environmentSchema, environment);
}
