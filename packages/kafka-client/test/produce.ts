import type { Message, Producer } from '#kafkajs';
import { quietClient } from './patch/quiet-client.ts';
import { patched } from './patch/unpatched-kafkajs.ts';

/** A connected producer; each `send` to a partition makes one record batch. */
export async function openProducer(brokers: string, transactionalId?: string): Promise<Producer> {
  const producer = quietClient(patched, brokers).producer({
    maxInFlightRequests: 1,
    ...(transactionalId !== undefined && { transactionalId, idempotent: true }),
  });
  await producer.connect();
  return producer;
}

/** Writes values to partition 0 of a topic, or to another, as one record batch each list. */
export async function produceValues(
  brokers: string,
  topic: string,
  batches: readonly (readonly string[])[],
  partition = 0,
): Promise<void> {
  const producer = await openProducer(brokers);
  for (const values of batches)
    await producer.send({ topic, messages: values.map((value): Message => ({ value, partition })) });
  await producer.disconnect();
}
