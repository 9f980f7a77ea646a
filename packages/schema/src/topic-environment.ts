import { z } from 'zod';
import { DEFAULT_TOPIC_NAMES } from './topic-specs.ts';

// https://github.com/apache/kafka/blob/4.3.1/clients/src/main/java/org/apache/kafka/common/internals/Topic.java
const topicName = z
  .string()
  .regex(
    /^(?!\.{1,2}$)[a-zA-Z0-9._-]{1,249}$/,
    'must be 1 to 249 letters, digits, dots, dashes or underscores',
  );

/** The variables that name the topics and the aggregation; an app spreads those it needs into its own schema. */
export const topicEnvironment = {
  CLICKSTREAM_TOPIC: topicName
    .prefault(DEFAULT_TOPIC_NAMES.CLICKSTREAM_TOPIC)
    .describe('Topic of the clicks'),
  USER_CLICK_AGGREGATION_TOPIC: topicName
    .prefault(DEFAULT_TOPIC_NAMES.USER_CLICK_AGGREGATION_TOPIC)
    .describe('Topic of the running totals per user'),
  PAGE_CLICK_AGGREGATION_TOPIC: topicName
    .prefault(DEFAULT_TOPIC_NAMES.PAGE_CLICK_AGGREGATION_TOPIC)
    .describe('Topic of the clicks and distinct users per page and window'),
  USER_SESSION_AGGREGATION_TOPIC: topicName
    .prefault(DEFAULT_TOPIC_NAMES.USER_SESSION_AGGREGATION_TOPIC)
    .describe('Topic of the user sessions'),
  DEAD_LETTER_TOPIC: topicName
    .prefault(DEFAULT_TOPIC_NAMES.DEAD_LETTER_TOPIC)
    .describe('Topic of the clicks that could not be counted, or came too late for a window or session'),
  TOPIC_PARTITIONS: z.coerce
    .number('must be a whole number from 1 to 10000')
    .int('must be a whole number from 1 to 10000')
    .min(1, 'must be a whole number from 1 to 10000')
    .max(10_000, 'must be a whole number from 1 to 10000')
    .prefault('4')
    .describe('Partitions of the click topic if it has to be created; all other topics follow it'),
  APPLICATION_ID: z
    .string()
    .regex(/^[a-zA-Z0-9._-]{1,200}$/, 'must be 1 to 200 letters, digits, dots, dashes or underscores')
    .prefault('click_aggregator')
    .describe(
      'Consumer group and prefix of everything internal; two aggregations need different ids and result topics',
    ),
};
