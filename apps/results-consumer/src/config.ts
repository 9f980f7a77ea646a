import {
  healthEnvironment,
  kafkaEnvironment,
  logEnvironment,
  parseEnvironment,
  type Environment,
} from '@clickstream/kafka-client';
import { topicEnvironment } from '@clickstream/schema';
import { z } from 'zod';

const PORT = 'must be a port from 0 to 65535';

/** Every variable that the results consumer obeys. */
export const environmentSchema = z.object({
  ...kafkaEnvironment,
  ...logEnvironment,
  ...topicEnvironment,
  DASHBOARD_PORT: z.coerce
    .number(PORT)
    .int(PORT)
    .min(0, PORT)
    .max(65_535, PORT)
    .prefault('3000')
    .describe('Port of the page and the HTTP API of `serve`; 0 takes any free one'),
  LISTEN_HOST: healthEnvironment.LISTEN_HOST,
  DASHBOARD_TOKEN: z
    .string()
    .regex(/^[\x21-\x7e]{8,512}$/, 'must be 8 to 512 characters of ASCII without spaces')
    .optional()
    .describe('What has to be known to see the page, the API and the streams of `serve`; never logged'),
});

export type Config = z.output<typeof environmentSchema>;

/** @throws KafkaClientError `CLICKSTREAM_KAFKA_CONFIGURATION` naming every wrong variable. */
export function readConfig(environment: Environment): Config {
  return parseEnvironment(environmentSchema, environment);
}
