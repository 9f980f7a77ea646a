import { KafkaClientError } from './error.ts';

/** For when going on would count wrongly: the process is to end. */
export function taskRefusal(partition: number, why: string, cause?: unknown): KafkaClientError {
  return new KafkaClientError('CLICKSTREAM_KAFKA_REFUSED', `partition ${partition} cannot go on: ${why}`, {
    cause,
    partition,
  });
}

/** Whether an error is for the process to end, not for the task to start again. */
export function isRefusal(error: unknown): error is KafkaClientError {
  return error instanceof KafkaClientError && error.code === 'CLICKSTREAM_KAFKA_REFUSED';
}
