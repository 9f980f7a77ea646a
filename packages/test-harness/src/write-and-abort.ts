import { randomUUID } from 'node:crypto';
import kafkajs from 'kafkajs';
import type { TestTopics } from './test-topics.ts';

/** Writes records in a transaction, and aborts it: nobody may ever see them. */
export async function writeAndAbort(
  { connection }: Pick<TestTopics, 'connection'>,
  topic: string,
  records: readonly { readonly key: Buffer; readonly value: Buffer; readonly partition: number }[],
): Promise<void> {
  const producer = new kafkajs.Kafka({
    brokers: [...connection.brokers],
    logLevel: kafkajs.logLevel.NOTHING,
  }).producer({ transactionalId: randomUUID(), idempotent: true, maxInFlightRequests: 1 });
  await producer.connect();
  try {
    const transaction = await producer.transaction();
    await transaction.send({ topic, messages: [...records] });
    await transaction.abort();
  } finally {
    await producer.disconnect();
  }
}
