import { randomUUID } from 'node:crypto';
import { startBroker, type Broker } from '@clickstream/local-kafka';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startBatchConsumer } from '../src/batch-consumer.ts';
import { createTestTopic } from './patch/create-test-topic.ts';
import { produceValues } from './produce.ts';
import { testConnection } from './test-connection.ts';

let broker: Broker;
beforeAll(async () => {
  broker = await startBroker();
});
afterAll(async () => {
  await broker.stop();
});

describe('a consumer whose broker is killed', { timeout: 240_000 }, () => {
  const ended = {
    name: 'KafkaClientError',
    code: expect.stringMatching(/^CLICKSTREAM_KAFKA_(CONSUMER_CRASHED|UNREACHABLE)$/) as unknown,
  };
  const consume = async (onValue: (value: string) => void) => {
    const topic = await createTestTopic(broker.brokers, 'consumed');
    const consumer = await startBatchConsumer({
      ...testConnection(broker.brokers),
      topic,
      groupId: `group-${randomUUID()}`,
      createTask: () =>
        Promise.resolve({
          process: (batch) => {
            for (const record = batch.walk(); record.next();) onValue(String(record.value()));
            return Promise.resolve();
          },
        }),
    });
    return { topic, consumer };
  };

  it('goes on when the broker is back, or ends with an error: it never just stands there', async () => {
    let goesOn: (outcome: string) => void = () => undefined;
    let begins: () => void = () => undefined;
    const begun = new Promise<void>((resolve) => (begins = resolve));
    const goneOn = new Promise<string>((resolve) => (goesOn = resolve));
    const { topic, consumer } = await consume((value) => {
      if (value === 'before') begins();
      else goesOn('went on');
    });
    await produceValues(broker.brokers, topic, [['before']]);
    await begun;
    await broker.kill();
    await broker.restart();
    await produceValues(broker.brokers, topic, [['after']]);
    const outcome = await Promise.race([goneOn, consumer.finished.catch((error: unknown) => error)]);
    if (outcome !== 'went on') expect(outcome).toMatchObject(ended);
    await consumer.stop();
  });

  it('ends with an error when the broker stays away, and can still be stopped', async () => {
    const { consumer } = await consume(() => undefined);
    await broker.kill();
    await expect(consumer.finished).rejects.toMatchObject(ended);
    const startedAt = performance.now();
    await consumer.stop();
    expect(performance.now() - startedAt).toBeLessThan(8_000);
  });
});
