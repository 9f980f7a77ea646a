import { KafkaClientError, type KafkaClientErrorFacts } from './error.ts';

/** For when going on would count wrongly: the process is to end. */
export function taskRefusal(
  partition: number,
  why: string,
  facts: Omit<KafkaClientErrorFacts, 'partition'> = {},
): KafkaClientError {
  return new KafkaClientError('CLICKSTREAM_KAFKA_REFUSED', `partition ${partition} cannot go on: ${why}`, {
    ...facts,
    partition,
  });
}

/** Whether an error is for the process to end, not for the task to start again. */
export function isRefusal(error: unknown): error is KafkaClientError {
  return error instanceof KafkaClientError && error.code === 'CLICKSTREAM_KAFKA_REFUSED';
}
