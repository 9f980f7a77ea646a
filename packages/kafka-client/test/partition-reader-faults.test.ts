import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { runTool, startBroker, type Broker } from '@clickstream/local-kafka';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createPartitionReader, type PartitionReader } from '../src/partition-reader.ts';
import { createTestTopic } from './patch/create-test-topic.ts';
import { quietClient } from './patch/quiet-client.ts';
import { patched } from './patch/unpatched-kafkajs.ts';
import { openProducer, produceValues } from './produce.ts';
import { readAll } from './read-all.ts';
import { testConnection } from './test-connection.ts';

let broker: Broker;
beforeAll(async () => {
  broker = await startBroker({ config: { 'log.cleaner.backoff.ms': '200' } });
});
afterAll(async () => {
  await broker.stop();
});

const open = (): Promise<PartitionReader> => createPartitionReader(testConnection(broker.brokers));

describe('a broker that restarts', { timeout: 240_000 }, () => {
  it('while its partitions are followed costs neither a record nor a repetition', async () => {
    const partitions = 3;
    const topic = await createTestTopic(broker.brokers, 'followed', { partitions });
    const reader = await open();
    const follow = async (partition: number, onValue: () => void) => {
      const values: string[] = [];
      for await (const batch of reader.read({ topic, partition, from: 0n, to: 8n }))
        for (const record = batch.walk(); record.next();) {
          values.push(String(record.value()));
          onValue();
        }
      return values;
    };
    let toCome = 4 * partitions;
    let halfIsRead: () => void = () => undefined;
    const half = new Promise<void>((resolve) => (halfIsRead = resolve));
    const following = Array.from({ length: partitions }, (_, partition) =>
      follow(partition, () => {
        if (--toCome === 0) halfIsRead();
      }),
    );
    const write = async (...values: string[]) => {
      for (let partition = 0; partition < partitions; partition++)
        await produceValues(broker.brokers, topic, [values], partition);
    };
    await write('0', '1', '2', '3');
    await half;
    await broker.kill();
    await broker.restart();
    await write('4', '5', '6', '7');
    expect(await Promise.all(following)).toEqual(
      new Array(partitions).fill(['0', '1', '2', '3', '4', '5', '6', '7']),
    );
    await reader.close();
  });

  it('does not hold up the closing of a reader', async () => {
    const topic = await createTestTopic(broker.brokers, 'closed-without-broker');
    const drain = async (reading: AsyncIterable<unknown>) => {
      for await (const batch of reading) expect(batch).toBeDefined();
    };
    for (const trouble of ['paused', 'killed']) {
      const reader = await open();
      const stop = new AbortController();
      const aborted = reader.read({ topic, partition: 0, from: 0n }, stop.signal);
      const closed = reader.read({ topic, partition: 0, from: 0n });
      await Promise.all([aborted.next(), closed.next()]);
      if (trouble === 'paused') broker.pause();
      else await broker.kill();
      try {
        const ends = [drain(aborted), drain(closed)];
        const startedAt = performance.now();
        stop.abort();
        await ends[0];
        await reader.close();
        await ends[1];
        expect(performance.now() - startedAt, trouble).toBeLessThan(8_000);
      } finally {
        if (trouble === 'paused') broker.resume();
        else await broker.restart();
      }
    }
  });
});

describe('a compacted topic', { timeout: 240_000 }, () => {
  it('is read to its end, whatever compaction has left of it', async () => {
    const config = { 'cleanup.policy': 'delete', 'segment.bytes': String(1 << 20) };
    const topic = await createTestTopic(broker.brokers, 'compacted', { config });
    const producer = quietClient(patched, broker.brokers).producer({ idempotent: true });
    await producer.connect();
    const padding = 'x'.repeat(12_000);
    for (let round = 0; round < 4; round++)
      for (let batch = 0; batch < 6; batch++)
        await producer.send({
          topic,
          messages: Array.from({ length: 10 }, (_, index) => ({
            key: `key ${batch}-${index}`,
            // The last key of the first batch is deleted for good.
            value: batch === 0 && index === 9 && round > 0 ? null : `${round} ${padding}`,
          })),
        });
    await producer.disconnect();
    const end = 4n * 6n * 10n;
    const admin = quietClient(patched, broker.brokers).admin();
    await admin.connect();
    await admin.alterConfigs({
      validateOnly: false,
      resources: [
        {
          type: patched.kafkajs.ConfigResourceTypes.TOPIC,
          name: topic,
          configEntries: Object.entries({
            ...config,
            'cleanup.policy': 'compact',
            'min.cleanable.dirty.ratio': '0.01',
            'delete.retention.ms': '0',
          }).map(([name, value]) => ({ name, value })),
        },
      ],
    });
    await admin.disconnect();
    await expect
      .poll(async () => (await readAll(broker.brokers, topic))[0]?.length, { timeout: 60_000 })
      .toBeLessThan(180);

    const left = (await readAll(broker.brokers, topic))[0] ?? [];
    const java = runTool(
      'kafka-console-consumer',
      [
        ...[
          '--topic',
          topic,
          '--from-beginning',
          '--max-messages',
          String(left.length),
          '--timeout-ms',
          '60000',
        ],
        ...['--formatter-property', 'print.offset=true', '--formatter-property', 'print.value=false'],
      ],
      { brokers: broker.brokers },
    );
    const reader = await open();
    // Every stretch of it, the gaps included, ends where it should.
    const stretches: [bigint, bigint][] = [
      [0n, end],
      [0n, 15n],
      [7n, 100n],
      [33n, 34n],
    ];
    for (const [from, to] of stretches) {
      let position = from;
      for await (const batch of reader.read({ topic, partition: 0, from, to })) position = batch.nextOffset;
      expect(position).toBe(to);
    }
    await reader.close();
    const { stdout } = await java;
    expect(left.map(({ offset }) => `Offset:${offset}`)).toEqual(
      stdout.split('\n').map((line) => line.split('\t')[0]),
    );
  });
});

describe('a slow consumer', () => {
  it('has at most one batch fetched ahead for it', async () => {
    const topic = await createTestTopic(broker.brokers, 'slow', { partitions: 2 });
    const producer = await openProducer(broker.brokers);
    const value = 'x'.repeat(900_000);
    for (let index = 0; index < 40; index++)
      await producer.send({ topic, messages: [{ value, partition: 0 }] });
    const reader = await open();
    const before = externalBytes();
    const slow = reader.read({ topic, partition: 0, from: 0n });
    const held = await slow.next();
    // The reader has worked on for other partitions meanwhile.
    for await (const batch of reader.read({ topic, partition: 1, from: 0n, to: 20n }))
      if (batch.nextOffset < 20n) await producer.send({ topic, messages: [{ value: 'v', partition: 1 }] });
    // 36 MB are waiting, a fetch brings 4 MB.
    expect(externalBytes() - before).toBeLessThan(16 << 20);
    expect(held.done).toBe(false);
    await reader.close();
    await producer.disconnect();
  });
});

function externalBytes(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  return process.memoryUsage().arrayBuffers;
}
