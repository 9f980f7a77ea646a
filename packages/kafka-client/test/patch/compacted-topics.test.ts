import { setTimeout as delay } from 'node:timers/promises';
import { startBroker, type Broker } from '@clickstream/local-kafka';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FetchedMessages, Message } from '#kafkajs';
import { createTestTopic } from './create-test-topic.ts';
import { quietClient } from './quiet-client.ts';
import { readWithJava } from './read-with-java.ts';
import { readWithKafkajs, type Reading } from './read-with-kafkajs.ts';
import { patched, unpatched } from './unpatched-kafkajs.ts';

/** Records of one batch that compaction removes. */
const GAP = 300;
const ROUNDS = 4;
const KEYS = 60;
/** Compacted only when all is written: later passes would merge neighbouring segments. 1 MB is the broker's minimum. */
const config = { 'cleanup.policy': 'delete', 'segment.bytes': String(1 << 20) };

let broker: Broker;

beforeAll(async () => {
  broker = await startBroker({ config: { 'log.cleaner.backoff.ms': '500' } });
});
afterAll(async () => {
  await broker.stop();
});

/** Produces each list of messages as one batch, with a producer object of its own. */
async function produceBatches(topic: string, batches: readonly Message[][]): Promise<void> {
  const producer = quietClient(patched, broker.brokers).producer({ idempotent: true });
  await producer.connect();
  for (const messages of batches) await producer.send({ topic, messages });
  await producer.disconnect();
}

/** Turns compaction on and waits until what a fetch from the log's beginning brings is as wanted. */
async function compact(topic: string, isCompacted: (fetched: FetchedMessages) => boolean): Promise<void> {
  const kafka = quietClient(patched, broker.brokers);
  const admin = kafka.admin();
  await admin.connect();
  const configEntries = Object.entries({
    ...config,
    'cleanup.policy': 'compact',
    'min.cleanable.dirty.ratio': '0.01',
    'delete.retention.ms': '0',
  }).map(([name, value]) => ({ name, value }));
  await admin.alterConfigs({
    validateOnly: false,
    resources: [{ type: patched.kafkajs.ConfigResourceTypes.TOPIC, name: topic, configEntries }],
  });
  await admin.disconnect();

  const cluster = kafka.cluster();
  await cluster.connect();
  await cluster.addTargetTopic(topic);
  const leader = await cluster.findBroker({ nodeId: 1 });
  for (;;) {
    const { responses } = await leader.fetch({
      topics: [{ topic, partitions: [{ partition: 0, fetchOffset: 0, maxBytes: 1 << 20 }] }],
    });
    const messages = responses[0]?.partitions[0]?.messages;
    if (messages && isCompacted(messages)) break;
    await delay(100);
  }
  await cluster.disconnect();
}

const latest = ({ messages }: Reading) =>
  new Map(messages.map(({ key, value }) => [String(key), String(value)]));

describe('a consumer of a compacted topic', () => {
  it('moves over record batches that compaction has emptied', async () => {
    const topic = await createTestTopic(broker.brokers, 'emptied', { config });
    const padding = 'x'.repeat(20_000);
    // A producer that is still remembered keeps its last batch in the log, without records.
    for (let round = 0; round < ROUNDS; round++) {
      await produceBatches(
        topic,
        Array.from({ length: 6 }, (_, batch) =>
          Array.from({ length: KEYS / 6 }, (__, index) => ({
            key: `key ${batch}-${index}`,
            value: `${round} ${padding}`,
          })),
        ),
      );
    }
    await compact(topic, (messages) => messages.length === 0 && messages.lastOffset !== undefined);

    const [ours, published] = await Promise.all([
      readWithKafkajs(patched, broker.brokers, topic),
      readWithKafkajs(unpatched, broker.brokers, topic),
    ]);
    const java = await readWithJava(broker.brokers, topic, ours.messages.length);
    expect(ours).toMatchObject({ end: 'reached', position: ROUNDS * KEYS });
    expect(latest(ours).size).toBe(KEYS);
    expect(new Set(latest(ours).values())).toEqual(new Set([`${ROUNDS - 1} ${padding}`]));
    expect(ours.messages.map(({ value }) => String(value))).toEqual(java);
    // In a hot loop of fetches, without an event or an error.
    expect(published).toMatchObject({ end: 'stuck', position: 0, messages: [] });
  });

  it('crosses a gap at the end of a batch in one step', async () => {
    const topic = await createTestTopic(broker.brokers, 'gap', { config });
    const rest = (round: string) =>
      Array.from({ length: GAP }, (_, index) => ({
        key: `key ${index}`,
        value: `${round} ${'x'.repeat(3_000)}`,
      }));
    await produceBatches(topic, [
      [{ key: 'kept', value: 'kept' }, ...rest('old')],
      rest('new'),
      rest('last'),
    ]);
    await compact(topic, (messages) => messages.length === 1);

    const [ours, published] = await Promise.all([
      readWithKafkajs(patched, broker.brokers, topic),
      readWithKafkajs(unpatched, broker.brokers, topic),
    ]);
    expect(ours).toMatchObject({ end: 'reached', position: 3 * GAP + 1 });
    expect(ours.fetches).toBeLessThan(10);
    expect(latest(ours)).toEqual(latest(published));
    // One fetch for each offset of the gap.
    expect(published.fetches).toBeGreaterThan(GAP);
  });
});
