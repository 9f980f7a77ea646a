import { pino } from 'pino';
import type { KafkaConnection } from '../src/connection.ts';
import type { Logger } from '../src/logger.ts';

/** A connection without security, and a log that nobody reads. */
export function testConnection(brokers: string): {
  readonly connection: KafkaConnection;
  readonly log: Logger;
} {
  return {
    connection: { brokers: brokers.split(','), clientId: 'kafka-client-test' },
    log: pino({ level: 'silent' }),
  };
}
