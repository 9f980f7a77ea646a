import { randomUUID } from 'node:crypto';
import { inject } from 'vitest';

/** Topics and an application id that no other test has, as environment of the apps. */
export function pipelineEnvironment(): {
  KAFKA_BROKERS: string;
  CLICKSTREAM_TOPIC: string;
  USER_CLICK_AGGREGATION_TOPIC: string;
  PAGE_CLICK_AGGREGATION_TOPIC: string;
  USER_SESSION_AGGREGATION_TOPIC: string;
  DEAD_LETTER_TOPIC: string;
  APPLICATION_ID: string;
} {
  const id = randomUUID();
  return {
    KAFKA_BROKERS: inject('kafkaBrokers'),
    CLICKSTREAM_TOPIC: `clicks-${id}`,
    USER_CLICK_AGGREGATION_TOPIC: `totals-${id}`,
    PAGE_CLICK_AGGREGATION_TOPIC: `pages-${id}`,
    USER_SESSION_AGGREGATION_TOPIC: `sessions-${id}`,
    DEAD_LETTER_TOPIC: `dead-letters-${id}`,
    APPLICATION_ID: `counter-${id}`,
  };
}
