import { kafkaEnvironment, logEnvironment } from '@clickstream/kafka-client';
import { topicEnvironment } from '@clickstream/schema';
import { z } from 'zod';

/** Every variable that the producer reads; the table in README.md is checked against it. */
export const environmentSchema = z.object({
  ...kafkaEnvironment,
  ...logEnvironment,
  CLICKSTREAM_TOPIC: topicEnvironment.CLICKSTREAM_TOPIC,
  DEAD_LETTER_TOPIC: topicEnvironment.DEAD_LETTER_TOPIC,
  TOPIC_PARTITIONS: topicEnvironment.TOPIC_PARTITIONS,
});

/** The parsed variables of {@link environmentSchema}. */
export type ProducerConfig = z.output<typeof environmentSchema>;
