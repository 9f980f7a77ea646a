import { randomUUID } from 'node:crypto';
import kafkajs from 'kafkajs';
import type { TestTopics } from './test-topics.ts';

/**
 * Writes records in a transaction of its own and leaves it open: nobody may ever see them.
 *
 * @param timeoutMs after so long the broker aborts it
 * @returns what aborts it; the end of the test does otherwise, by leaving it to its time-out.
 */
export async function openTransaction(
  { connection, atEnd }: Pick<TestTopics, 'connection' | 'atEnd'>,
  topic: string,
  records: readonly { readonly key: Buffer; readonly value: Buffer; readonly partition: number }[],
  timeoutMs = 60_000,
): Promise<() => Promise<void>> {
  const producer = new kafkajs.Kafka({
    brokers: [...connection.brokers],
    logLevel: kafkajs.logLevel.NOTHING,
  }).producer({
    transactionalId: randomUUID(),
    transactionTimeout: timeoutMs,
    idempotent: true,
    maxInFlightRequests: 1,
  });
  atEnd(() => producer.disconnect());
  await producer.connect();
  const transaction = await producer.transaction();
  await transaction.send({ topic, messages: [...records] });
  return async () => {
    await transaction.abort();
    await producer.disconnect();
  };
}
