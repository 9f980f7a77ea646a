import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, inject, it } from 'vitest';
import type { Producer, Transaction } from '#kafkajs';
import { createTestTopic } from './create-test-topic.ts';
import { quietClient } from './quiet-client.ts';
import { readWithJava } from './read-with-java.ts';
import { readWithKafkajs } from './read-with-kafkajs.ts';
import { patched, unpatched, type KafkajsPackage } from './unpatched-kafkajs.ts';

const brokers = inject('kafkaBrokers');
const prefix = `aborted-${randomUUID()}`;
const ROUNDS = 3;

describe('a read_committed consumer and aborted transactions', () => {
  let overlapping: string;
  let zeroKey: string;
  const committed = [...Array.from({ length: ROUNDS }, (_, round) => `committed ${round}`), 'committed last'];

  beforeAll(async () => {
    overlapping = await createTestTopic(brokers, `${prefix}-overlapping`);
    zeroKey = await createTestTopic(brokers, `${prefix}-zero`);
    const [first, second] = await Promise.all([openProducer(), openProducer()]);

    for (let round = 0; round < ROUNDS; round++) {
      const a = await first.transaction();
      const b = await second.transaction();
      await write(a, overlapping, `aborted a${round}-1`);
      await write(b, overlapping, `aborted b${round}-1`);
      await write(a, overlapping, `aborted a${round}-2`);
      // B ends first, so that the broker lists B (offset 1) before A (offset 0).
      await b.abort();
      await write(a, overlapping, `aborted a${round}-3`);
      await a.abort();
      const c = await second.transaction();
      await write(c, overlapping, `committed ${round}`);
      await c.commit();
    }
    const z = await first.transaction();
    await z.send({
      topic: zeroKey,
      messages: [
        // The bytes of an abort marker's key.
        { key: Buffer.alloc(4), value: 'aborted z1', partition: 0 },
        { key: 'key', value: 'aborted z2', partition: 0 },
      ],
    });
    await z.abort();
    const last = await second.transaction();
    await write(last, overlapping, 'committed last');
    await write(last, zeroKey, 'committed z');
    await last.commit();
    await Promise.all([first.disconnect(), second.disconnect()]);
  });

  const read = async (kafkajsPackage: KafkajsPackage, topic: string) => {
    const { messages } = await readWithKafkajs(kafkajsPackage, brokers, topic);
    return messages.map(({ value }) => String(value));
  };

  it('shows what the Java consumer shows', async () => {
    const [ours, ourZeroKey, java] = await Promise.all([
      read(patched, overlapping),
      read(patched, zeroKey),
      readWithJava(brokers, prefix, committed.length + 1),
    ]);
    expect(ours).toEqual(committed);
    expect(ourZeroKey).toEqual(['committed z']);
    expect(java.toSorted()).toEqual([...ours, ...ourZeroKey].toSorted());
  });

  it('showed aborted records when transactions overlapped', async () => {
    expect((await read(unpatched, overlapping)).filter((value) => value.startsWith('aborted'))).not.toEqual(
      [],
    );
  });

  it('took a user key of four zero bytes for the end of an aborted transaction', async () => {
    expect(await read(unpatched, zeroKey)).toEqual(['aborted z1', 'aborted z2', 'committed z']);
  });
});

async function openProducer(): Promise<Producer> {
  const producer = quietClient(patched, brokers).producer({
    idempotent: true,
    maxInFlightRequests: 1,
    transactionalId: randomUUID(),
  });
  await producer.connect();
  return producer;
}

async function write(transaction: Transaction, topic: string, value: string): Promise<void> {
  await transaction.send({ topic, messages: [{ key: 'key', value, partition: 0 }] });
}
