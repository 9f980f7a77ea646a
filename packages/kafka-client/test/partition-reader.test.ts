import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type { FetchedBatch } from '../src/fetched-batch.ts';
import { createPartitionReader, type PartitionRange, type PartitionReader } from '../src/partition-reader.ts';
import { createTestTopic } from './patch/create-test-topic.ts';
import { quietClient } from './patch/quiet-client.ts';
import { patched } from './patch/unpatched-kafkajs.ts';
import { openProducer, produceValues } from './produce.ts';
import { testConnection } from './test-connection.ts';

const brokers = inject('kafkaBrokers');

let reader: PartitionReader;
beforeAll(async () => {
  reader = await createPartitionReader(testConnection(brokers));
});
afterAll(async () => {
  await reader.close();
});

const numbers = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, index) => String(from + index));

function valuesOf(batch: FetchedBatch): string[] {
  const values: string[] = [];
  for (const record = batch.walk(); record.next();) values.push(String(record.value()));
  return values;
}

async function readValues(range: PartitionRange, from = reader): Promise<string[]> {
  const values: string[] = [];
  for await (const batch of from.read(range)) values.push(...valuesOf(batch));
  return values;
}

/** What a fetch waits for at most where there is nothing new. */
const LONG_POLL_MS = 250;

/** What is typical when nothing else keeps the machine busy; a wait by design would show in it as well. */
function lowerQuartile(sample: readonly number[]): number | undefined {
  return sample.toSorted((a, b) => a - b)[Math.floor(sample.length / 4)];
}

describe('a range', () => {
  let topic: string;
  beforeAll(async () => {
    topic = await createTestTopic(brokers, 'ranges');
    await produceValues(brokers, topic, [numbers(0, 10), numbers(10, 20), numbers(20, 30)]);
  });

  it.each([
    { from: 0n, to: 30n },
    { from: 5n, to: 25n },
    { from: 10n, to: 20n },
    { from: 19n, to: 20n },
    { from: 29n, to: 30n },
  ])('[$from, $to) is read whole and ends', async ({ from, to }) => {
    expect(await readValues({ topic, partition: 0, from, to })).toEqual(numbers(Number(from), Number(to)));
  });

  it.each([
    { from: 0n, to: 0n },
    { from: 30n, to: 30n },
    { from: 20n, to: 10n },
  ])('[$from, $to) is empty and ends', async ({ from, to }) => {
    expect(await readValues({ topic, partition: 0, from, to })).toEqual([]);
  });

  it('goes on across batches without a gap', async () => {
    const positions: bigint[] = [3n];
    for await (const batch of reader.read({ topic, partition: 0, from: 3n, to: 28n })) {
      expect(batch.fetchedOffset).toBe(positions.at(-1));
      positions.push(batch.nextOffset);
    }
    expect(positions.at(-1)).toBe(28n);
  });

  it('is read by two at once, at different offsets', async () => {
    const both = [
      readValues({ topic, partition: 0, from: 0n, to: 30n }),
      readValues({ topic, partition: 0, from: 12n, to: 30n }),
      readValues({ topic, partition: 0, from: 12n, to: 13n }),
    ];
    expect(await Promise.all(both)).toEqual([numbers(0, 30), numbers(12, 30), ['12']]);
  });

  it.each([{ from: 31n }, { from: 1_000n }, { from: -5n }])(
    'from $from, outside of the log, is refused instead of moved',
    async ({ from }) => {
      await expect(readValues({ topic, partition: 0, from, to: 2_000n })).rejects.toMatchObject({
        code: 'CLICKSTREAM_KAFKA_OFFSET_OUT_OF_RANGE',
        topic,
        partition: 0,
        offset: from,
        message: expect.stringContaining('starts at 0 and ends at 30') as unknown,
      });
    },
  );

  it('whose beginning was deleted is refused instead of moved', async () => {
    const deleted = await createTestTopic(brokers, 'deleted');
    await produceValues(brokers, deleted, [numbers(0, 10), numbers(10, 20)]);
    const admin = quietClient(patched, brokers).admin();
    await admin.connect();
    await admin.fetchTopicOffsets(deleted); // loads the metadata that the next call takes for granted
    await admin.deleteTopicRecords({ topic: deleted, partitions: [{ partition: 0, offset: '12' }] });
    await admin.disconnect();

    expect(await reader.startOffsets(deleted)).toEqual([12n]);
    expect(await readValues({ topic: deleted, partition: 0, from: 12n, to: 20n })).toEqual(numbers(12, 20));
    await expect(readValues({ topic: deleted, partition: 0, from: 11n, to: 20n })).rejects.toMatchObject({
      code: 'CLICKSTREAM_KAFKA_OFFSET_OUT_OF_RANGE',
      message: expect.stringContaining('starts at 12') as unknown,
    });
  });
});

describe('a topic', () => {
  it('that does not exist is told so', async () => {
    const missing = `missing-${randomUUID()}`;
    const error = { code: 'CLICKSTREAM_KAFKA_TOPIC_MISSING', topic: missing };
    await expect(reader.partitionCount(missing)).rejects.toMatchObject(error);
    await expect(readValues({ topic: missing, partition: 0, from: 0n })).rejects.toMatchObject(error);
    // And the reader is as good as before.
    const topic = await createTestTopic(brokers, 'after-missing');
    expect(await reader.partitionCount(topic)).toBe(1);
  });

  it('without the partition that is asked for is told so', async () => {
    const topic = await createTestTopic(brokers, 'few-partitions', { partitions: 2 });
    await expect(readValues({ topic, partition: 2, from: 0n })).rejects.toMatchObject({
      code: 'CLICKSTREAM_KAFKA_TOPIC_MISSING',
      topic,
      partition: 2,
    });
  });

  it('tells its first and its last readable offsets, and those of a time', async () => {
    const topic = await createTestTopic(brokers, 'offsets', { partitions: 2 });
    const producer = await openProducer(brokers);
    const messages = [1_000, 2_000, 3_000].map((timestamp) => ({
      value: 'v',
      partition: 1,
      timestamp: String(timestamp),
    }));
    await producer.send({ topic, messages });
    await producer.disconnect();
    const transactional = await openProducer(brokers, randomUUID());
    const transaction = await transactional.transaction();
    await transaction.send({ topic, messages: [{ value: 'open', partition: 1, timestamp: '4000' }] });

    const uncommitted = await createPartitionReader({
      ...testConnection(brokers),
      isolation: 'read_uncommitted',
    });
    expect(await reader.partitionCount(topic)).toBe(2);
    expect(await reader.startOffsets(topic)).toEqual([0n, 0n]);
    expect(await reader.endOffsets(topic)).toEqual([0n, 3n]);
    expect(await uncommitted.endOffsets(topic)).toEqual([0n, 4n]);
    expect(await reader.offsetsAtTime(topic, 0)).toEqual([0n, 0n]);
    expect(await reader.offsetsAtTime(topic, 2_000)).toEqual([0n, 1n]);
    expect(await reader.offsetsAtTime(topic, 2_001)).toEqual([0n, 2n]);
    expect(await reader.offsetsAtTime(topic, 9_000)).toEqual([0n, 3n]);
    expect(await readValues({ topic, partition: 1, from: 0n, to: 4n }, uncommitted)).toEqual([
      'v',
      'v',
      'v',
      'open',
    ]);
    await transaction.abort();
    await expect.poll(() => reader.endOffsets(topic)).toEqual([0n, 5n]);
    expect(await readValues({ topic, partition: 1, from: 0n, to: 5n })).toEqual(['v', 'v', 'v']);
    await Promise.all([transactional.disconnect(), uncommitted.close()]);
  });
});

describe('following', () => {
  it('shows what is appended, without waiting for a long poll, and the positions while nothing is', async () => {
    const topic = await createTestTopic(brokers, 'followed');
    const producer = await openProducer(brokers);
    const stop = new AbortController();
    const latenciesMs: number[] = [];
    const values: string[] = [];
    let sentAt = 0;
    let sending: Promise<unknown> = Promise.resolve();
    let emptyBatches = 0;
    const sendNext = () => {
      sentAt = performance.now();
      sending = producer.send({ topic, messages: [{ value: String(values.length), partition: 0 }] });
    };
    for await (const batch of reader.read({ topic, partition: 0, from: 0n }, stop.signal)) {
      const shown = valuesOf(batch);
      expect(batch.nextOffset).toBe(batch.fetchedOffset + BigInt(shown.length));
      if (shown.length === 0) {
        expect(batch).toMatchObject({
          highWatermark: batch.fetchedOffset,
          lastStableOffset: batch.fetchedOffset,
        });
        // Nothing there yet: now there will be.
        if (emptyBatches++ === 0) sendNext();
        continue;
      }
      values.push(...shown);
      latenciesMs.push(performance.now() - sentAt);
      if (values.length === 25) break;
      sendNext();
    }
    await sending;
    await producer.disconnect();
    expect(values).toEqual(numbers(0, 25));
    expect(lowerQuartile(latenciesMs)).toBeLessThan(LONG_POLL_MS - 50);
  });

  it('holds up nobody who reads one range after the other meanwhile', async () => {
    const topic = await createTestTopic(brokers, 'quiet-and-read');
    await produceValues(brokers, topic, [numbers(0, 3)]);
    const stop = new AbortController();
    const own = await createPartitionReader(testConnection(brokers));
    const following = (async () => {
      for await (const batch of own.read({ topic, partition: 0, from: 3n }, stop.signal))
        expect(valuesOf(batch)).toEqual([]);
    })();
    const tookMs: number[] = [];
    for (let turn = 0; turn < 9; turn++) {
      const startedAt = performance.now();
      expect(await readValues({ topic, partition: 0, from: 0n, to: 3n }, own)).toEqual(numbers(0, 3));
      tookMs.push(performance.now() - startedAt);
    }
    stop.abort();
    await following;
    await own.close();
    expect(lowerQuartile(tookMs)).toBeLessThan(LONG_POLL_MS - 50);
  });

  it('fetches no more often than it is told to', async () => {
    const topic = await createTestTopic(brokers, 'rarely-fetched');
    const producer = await openProducer(brokers);
    const own = await createPartitionReader({ ...testConnection(brokers), fetchIntervalMs: 200 });
    const stop = new AbortController();
    const startedAt = performance.now();
    const sending = (async () => {
      for (const value of numbers(0, 40)) await producer.send({ topic, messages: [{ value, partition: 0 }] });
    })();
    const values: string[] = [];
    let batches = 0;
    for await (const batch of own.read({ topic, partition: 0, from: 0n, to: 40n }, stop.signal)) {
      values.push(...valuesOf(batch));
      batches++;
    }
    const seconds = (performance.now() - startedAt) / 1000;
    await sending;
    await Promise.all([producer.disconnect(), own.close()]);
    expect(values).toEqual(numbers(0, 40));
    // Each send is awaited, so that without the interval almost every value would come by itself.
    expect(batches).toBeLessThanOrEqual(2 + seconds * 5);
  });

  it('ends when it is aborted, also before it began', async () => {
    const topic = await createTestTopic(brokers, 'aborted-reading');
    const stop = new AbortController();
    let batches = 0;
    for await (const batch of reader.read({ topic, partition: 0, from: 0n }, stop.signal)) {
      expect(batch.nextOffset).toBe(0n);
      batches++;
      stop.abort();
    }
    expect(batches).toBe(1);
    const aborted = reader.read({ topic, partition: 0, from: 0n }, stop.signal);
    expect(await aborted.next()).toMatchObject({ done: true });
  });

  it('by two of one partition does not slow either down', async () => {
    const topic = await createTestTopic(brokers, 'two-followers');
    const producer = await openProducer(brokers);
    const begun = new Set<bigint>();
    let bothBegin: () => void = () => undefined;
    const bothFollow = new Promise<void>((resolve) => (bothBegin = resolve));
    const follow = async (from: bigint) => {
      const seen: { value: string; at: number }[] = [];
      for await (const batch of reader.read({ topic, partition: 0, from, to: 12n })) {
        if (begun.add(from).size === 2) bothBegin();
        for (const value of valuesOf(batch)) seen.push({ value, at: performance.now() });
      }
      return seen;
    };
    const send = (value: string) => producer.send({ topic, messages: [{ value, partition: 0 }] });
    await send('0');
    await send('1');
    const following = [follow(0n), follow(2n)];
    await bothFollow;
    const sentAt: number[] = [];
    for (let index = 2; index < 12; index++) {
      sentAt.push(performance.now());
      await send(String(index));
    }
    const [first, second] = await Promise.all(following);
    await producer.disconnect();
    expect(first?.map(({ value }) => value)).toEqual(numbers(0, 12));
    expect(second?.map(({ value }) => value)).toEqual(numbers(2, 12));
    for (const seen of [first!.slice(2), second!]) {
      const latenciesMs = seen.map(({ at }, index) => at - sentAt[index]!);
      expect(lowerQuartile(latenciesMs)).toBeLessThan(LONG_POLL_MS - 50);
    }
  });
});

describe('a reader of many partitions', () => {
  it('reads on while one of them is busy, and then reads that one too', async () => {
    const partitions = 8;
    const topic = await createTestTopic(brokers, 'busy', { partitions });
    const producer = await openProducer(brokers);
    const messages = Array.from({ length: 200 * partitions }, (_, index) => ({
      value: `${Math.floor(index / partitions)} ${'x'.repeat(500)}`,
      partition: index % partitions,
    }));
    await producer.send({ topic, messages });

    let finishBusy: () => void = () => undefined;
    const othersAreDone = new Promise<void>((resolve) => (finishBusy = resolve));
    const read = async (partition: number, pause?: Promise<void>) => {
      let count = 0;
      for await (const batch of reader.read({ topic, partition, from: 0n, to: 400n })) {
        await pause;
        count += valuesOf(batch).length;
      }
      return count;
    };
    const busy = read(0, othersAreDone);
    const others = Array.from({ length: partitions - 1 }, (_, index) => read(index + 1));
    await producer.send({ topic, messages });
    await producer.disconnect();
    expect(await Promise.all(others)).toEqual(new Array(partitions - 1).fill(400));
    finishBusy();
    expect(await busy).toBe(400);
  });
});

describe('silence', () => {
  it('is only counted while an answer is awaited', async () => {
    const topic = await createTestTopic(brokers, 'silence', { partitions: 2 });
    await produceValues(brokers, topic, [numbers(0, 10)], 0);
    await produceValues(brokers, topic, [numbers(0, 10)], 1);
    const silent = await createPartitionReader(testConnection(brokers));
    expect(silent.silenceMs()).toBe(0);

    const slow = silent.read({ topic, partition: 0, from: 0n });
    await slow.next();
    // A batch is fetched ahead, and nobody takes it.
    const isQuiet = () => expect.poll(() => silent.silenceMs(), { interval: 5 }).toBe(0);
    await isQuiet();
    await slow.next();
    await slow.return();
    const abandoned = silent.read({ topic, partition: 1, from: 0n });
    await abandoned.next();
    await abandoned.return();
    await isQuiet();
    await silent.close();
    expect(silent.silenceMs()).toBe(0);
  });
});

describe('closing', () => {
  it('ends every reading, whoever waits for whom', async () => {
    const topic = await createTestTopic(brokers, 'closing', { partitions: 3 });
    await produceValues(brokers, topic, [numbers(0, 10)], 0);
    const closing = await createPartitionReader(testConnection(brokers));
    const unread = closing.read({ topic, partition: 0, from: 0n });
    expect((await unread.next()).done).toBe(false);
    const abandoned = closing.read({ topic, partition: 1, from: 0n });
    await abandoned.next();
    const waiting = readValues({ topic, partition: 2, from: 0n }, closing);

    const startedAt = performance.now();
    await closing.close();
    expect(performance.now() - startedAt).toBeLessThan(5_000);
    expect(await waiting).toEqual([]);
    expect((await unread.next()).done).toBe(true);
    expect((await abandoned.next()).done).toBe(true);
    await closing.close();
  });
});
