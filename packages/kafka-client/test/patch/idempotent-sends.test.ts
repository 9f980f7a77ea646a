import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, inject, it } from 'vitest';
import { API_KEY, startKafkaProxy, type KafkaProxy } from '@clickstream/local-kafka';
import { createTestTopic } from './create-test-topic.ts';
import { quietClient } from './quiet-client.ts';
import { readWithJava } from './read-with-java.ts';
import { patched, unpatched, type KafkajsPackage } from './unpatched-kafkajs.ts';

const brokers = inject('kafkaBrokers');
const prefix = `sends-${randomUUID()}`;

/** What became of the messages A and B: who was acknowledged, and what a Java consumer finds in the log. */
interface Outcome {
  readonly acknowledged: string[];
  readonly log: string[];
}

describe('an idempotent producer whose responses get lost', () => {
  const outcomes = new Map<string, Outcome>();
  const scenarios = {
    concurrentSends,
    concurrentSendsOneInFlight,
    sendAfterFailedSend,
    transactionAfterFailedSend,
  };

  beforeAll(async () => {
    const topics = new Map<string, string>();
    await Promise.all(
      Object.entries({ patched, unpatched }).flatMap(([kind, kafkajsPackage]) =>
        Object.entries(scenarios).map(async ([name, scenario]) => {
          const label = `${kind} ${name}`;
          const topic = await createTestTopic(brokers, prefix);
          topics.set(label, topic);
          const acknowledged = await scenario(kafkajsPackage, topic, (message) => `${label} ${message}`);
          outcomes.set(label, { acknowledged, log: [] });
        }),
      ),
    );
    for (const value of await readWithJava(brokers, prefix, 11)) {
      const [kind, name, message] = value.split(' ');
      outcomes.get(`${kind} ${name}`)?.log.push(String(message));
    }
  });

  it.each([
    ['two sends at once', 'concurrentSends', ['A', 'B'], ['A', 'B'], ['A', 'B'], ['B', 'B']],
    [
      'two sends at once, one request in flight',
      'concurrentSendsOneInFlight',
      ...[
        ['A', 'B'],
        ['A', 'B'],
        ['A', 'B'],
        ['B', 'B'],
      ],
    ],
    ['a send after one that failed for good', 'sendAfterFailedSend', ['B'], ['A', 'B'], ['B'], ['A']],
    ['a transaction after a failed one', 'transactionAfterFailedSend', [], [], ['B'], []],
  ])(
    '%s: no acknowledged message is lost, none is written twice',
    (_, name, acknowledged, log, acknowledgedBefore, logBefore) => {
      expect(outcomes.get(`patched ${name}`)).toEqual({ acknowledged, log });
      // Acknowledged and not in the log, or twice in it.
      expect(outcomes.get(`unpatched ${name}`)).toEqual({ acknowledged: acknowledgedBefore, log: logBefore });
    },
  );
});

/** A proxy that lets the broker append what it is sent, but loses the first responses to it. */
async function losingResponses(count: number): Promise<KafkaProxy> {
  let lost = 0;
  return startKafkaProxy(brokers, {
    onResponse: ({ apiKey }) => (apiKey === API_KEY.produce && lost++ < count ? 'reset' : 'forward'),
  });
}

async function concurrentSends(
  kafkajsPackage: KafkajsPackage,
  topic: string,
  label: (message: string) => string,
  maxInFlightRequests?: number,
): Promise<string[]> {
  const proxy = await losingResponses(1);
  const producer = quietClient(kafkajsPackage, brokers, {
    socketFactory: proxy.socketFactory,
  }).producer({ idempotent: true, ...(maxInFlightRequests ? { maxInFlightRequests } : {}) });
  await producer.connect();
  const send = (message: string) =>
    producer.send({ topic, messages: [{ value: label(message), partition: 0 }] });
  const results = await Promise.allSettled([send('A'), send('B')]);
  await producer.disconnect();
  await proxy.close();
  return ['A', 'B'].filter((_, index) => results[index]?.status === 'fulfilled');
}

function concurrentSendsOneInFlight(
  kafkajsPackage: KafkajsPackage,
  topic: string,
  label: (message: string) => string,
): Promise<string[]> {
  return concurrentSends(kafkajsPackage, topic, label, 1);
}

async function sendAfterFailedSend(
  kafkajsPackage: KafkajsPackage,
  topic: string,
  label: (message: string) => string,
): Promise<string[]> {
  const proxy = await losingResponses(2);
  const producer = quietClient(kafkajsPackage, brokers, {
    socketFactory: proxy.socketFactory,
  }).producer({ idempotent: true, retry: { retries: 1 } });
  await producer.connect();
  const acknowledged: string[] = [];
  for (const message of ['A', 'B']) {
    await producer.send({ topic, messages: [{ value: label(message), partition: 0 }] }).then(
      () => acknowledged.push(message),
      () => undefined,
    );
  }
  await producer.disconnect();
  await proxy.close();
  return acknowledged;
}

async function transactionAfterFailedSend(
  kafkajsPackage: KafkajsPackage,
  topic: string,
  label: (message: string) => string,
): Promise<string[]> {
  const proxy = await losingResponses(2);
  const producer = quietClient(kafkajsPackage, brokers, {
    socketFactory: proxy.socketFactory,
  }).producer({ idempotent: true, transactionalId: topic, retry: { retries: 1 } });
  await producer.connect();
  const acknowledged: string[] = [];
  for (const message of ['A', 'B']) {
    const transaction = await producer.transaction();
    try {
      await transaction.send({ topic, messages: [{ value: label(message), partition: 0 }] });
      await transaction.commit();
      acknowledged.push(message);
    } catch {
      await transaction.abort();
    }
  }
  await producer.disconnect();
  await proxy.close();
  return acknowledged;
}
