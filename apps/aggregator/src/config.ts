import {
  healthEnvironment,
  internalTopics,
  kafkaEnvironment,
  logEnvironment,
  parseEnvironment,
  type Environment,
} from '@clickstream/kafka-client';
import { RECORD_FORMATS, topicEnvironment } from '@clickstream/schema';
import { z } from 'zod';

/** A whole number within bounds, both of them included. */
function wholeNumber(min: number, max: number): z.ZodCoercedNumber {
  const bounds = `must be a whole number from ${min} to ${max}`;
  return z.coerce.number(bounds).int(bounds).min(min, bounds).max(max, bounds);
}

/** Every variable that the aggregator obeys. */
export const environmentSchema = z
  .object({
    ...kafkaEnvironment,
    ...logEnvironment,
    ...healthEnvironment,
    ...topicEnvironment,
    INSTANCE_ID: z
      .string()
      .regex(/^[a-zA-Z0-9._-]{1,200}$/, 'must be 1 to 200 letters, digits, dots, dashes or underscores')
      .optional()
      .describe(
        'Makes this a static group member: a restart within 10 s moves no partition. Different for each instance',
      ),
    RESULT_FORMAT: z
      .enum(RECORD_FORMATS)
      .prefault('json')
      .describe('Form of the running totals: `json` or `sentence`'),
    RESULT_EMIT: z
      .enum(['coalesced', 'every'])
      .prefault('coalesced')
      .describe('`coalesced` publishes one total per user and commit, `every` one per click'),
    COMMIT_INTERVAL_MS: wholeNumber(0, 10_000)
      .prefault('20')
      .describe(
        'Least time between two commits of a partition, in ms; 0 commits whenever something was counted',
      ),
    COMMIT_MAX_RECORDS: wholeNumber(1, 1_000_000)
      .prefault('50000')
      .describe('Most records written in one transaction'),
  })
  .superRefine((config, context) => {
    // Its own results or dead letters read as clicks would make dead letters without end.
    const { repartition, checkpoint } = internalTopics(config.APPLICATION_ID);
    const takenBy = new Map([repartition, checkpoint].map(({ name }) => [name, 'APPLICATION_ID']));
    for (const variable of [
      'CLICKSTREAM_TOPIC',
      'USER_CLICK_AGGREGATION_TOPIC',
      'DEAD_LETTER_TOPIC',
    ] as const) {
      const other = takenBy.get(config[variable]);
      if (other !== undefined)
        context.addIssue({ code: 'custom', path: [variable], message: `must not be the topic of ${other}` });
      takenBy.set(config[variable], variable);
    }
  });

/** @throws KafkaClientError `CLICKSTREAM_KAFKA_CONFIGURATION` naming every wrong variable. */
export function readConfig(environment: Environment): z.output<typeof environmentSchema> {
  return parseEnvironment(environmentSchema, environment);
}
