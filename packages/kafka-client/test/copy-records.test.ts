import { randomUUID } from 'node:crypto';
import { describe, expect, inject, it, onTestFinished } from 'vitest';
import { copyRecords, type CopyRecordsOptions } from '../src/copy-records.ts';
import { readGroupOffsets } from '../src/group-offsets.ts';
import { createPartitionReader } from '../src/partition-reader.ts';
import { TransactionalProducer } from '../src/transactional-producer.ts';
import { createTestTopic } from './patch/create-test-topic.ts';
import { quietClient } from './patch/quiet-client.ts';
import { patched } from './patch/unpatched-kafkajs.ts';
import { openProducer, produceValues } from './produce.ts';
import { readAll } from './read-all.ts';
import { testConnection } from './test-connection.ts';

const brokers = inject('kafkaBrokers');
const WEEK_MS = 7 * 24 * 3_600_000;

/** Two topics of a test, and a copy of the records of one to the other. */
async function createCopy(partitions = 2) {
  const from = await createTestTopic(brokers, 'copied-from', { partitions });
  const to = await createTestTopic(brokers, 'copied-to', { partitions });
  const id = `copy-${randomUUID()}`;
  const { connection, log } = testConnection(brokers);
  const reader = await createPartitionReader({ connection, log });
  onTestFinished(() => reader.close());
  return {
    from,
    to,
    id,
    connection,
    log,
    copy: async (options: Partial<CopyRecordsOptions> = {}) =>
      copyRecords({
        connection,
        log,
        reader,
        id,
        topic: from,
        ends: await reader.endOffsets(from),
        map: (record, partition) => ({ topic: to, partition, key: record.key(), value: record.value() }),
        signal: new AbortController().signal,
        ...options,
      }),
    /** Values of the copies, by partition. */
    copied: async () => {
      // A commit is answered before its markers are written; taking over the transactional id waits for them.
      await (await TransactionalProducer.fence(connection, log, id)).drop();
      return (await readAll(brokers, to)).map((records) => records.map(({ value }) => value));
    },
    offsets: async () => (await readGroupOffsets(connection, log, id, [from])).get(from),
    setOffset: async (offset: string) => {
      const admin = quietClient(patched, brokers).admin();
      await admin.connect();
      await admin.setOffsets({ groupId: id, topic: from, partitions: [{ partition: 0, offset }] });
      await admin.disconnect();
    },
  };
}

describe('copyRecords', () => {
  it('copies what was written since the last time, and moves the group over what it passes over', async () => {
    const { from, to, copy, copied, offsets } = await createCopy();
    const transactions: unknown[] = [];
    const options: Partial<CopyRecordsOptions> = {
      map: (record, partition) => {
        const value = record.value();
        return value?.toString().startsWith('no')
          ? undefined
          : { topic: to, partition: 1 - partition, key: null, value };
      },
      onTransaction: (outcome, records) => transactions.push([outcome, records]),
    };
    await produceValues(brokers, from, [['a', 'no b'], ['c']]);
    await produceValues(brokers, from, [['no d']], 1);
    await copy(options);
    expect(await copied()).toEqual([[], ['a', 'c']]);
    expect(await offsets()).toEqual(
      new Map([
        [0, 3n],
        [1, 1n],
      ]),
    );
    await copy(options);
    await produceValues(brokers, from, [['e']], 1);
    await copy(options);
    expect(await copied()).toEqual([['e'], ['a', 'c']]);
    expect(transactions).toEqual([
      ['committed', 2],
      ['committed', 1],
    ]);
  });

  it('stops at the end that it is given, and does not go back to one', async () => {
    const { from, copy, copied, offsets } = await createCopy(1);
    await produceValues(brokers, from, [['a', 'b', 'c']]);
    await copy({ ends: [2n] });
    expect(await copied()).toEqual([['a', 'b']]);
    await copy({ ends: [1n] });
    expect(await offsets()).toEqual(new Map([[0, 2n]]));
    await copy();
    expect(await copied()).toEqual([['a', 'b', 'c']]);
  });

  it('copies committed records only', async () => {
    const { from, copy, copied } = await createCopy(1);
    const producer = await openProducer(brokers, `aborts-${randomUUID()}`);
    const transaction = await producer.transaction();
    await transaction.send({ topic: from, messages: [{ value: 'aborted' }] });
    await transaction.abort();
    await producer.disconnect();
    await produceValues(brokers, from, [['a']]);
    await copy();
    expect(await copied()).toEqual([['a']]);
  });

  it('ends when another one takes over, which copies what is left', async () => {
    const { from, to, connection, log, id, copy, copied } = await createCopy(1);
    await produceValues(brokers, from, [['a', 'b']]);
    let takenOver: Promise<TransactionalProducer> | undefined;
    const { promise: reached, resolve } = Promise.withResolvers<undefined>();
    // It waits for a record that comes only after somebody else has taken over.
    const first = copy({
      map: (record, partition) => {
        takenOver ??= TransactionalProducer.fence(connection, log, id);
        resolve(undefined);
        return { topic: to, partition, key: null, value: record.value() };
      },
      ends: [3n],
    });
    const ended = expect(first).rejects.toMatchObject({
      code: 'CLICKSTREAM_KAFKA_REPLACED',
      message: `another process has taken over transactional id ${id}: this one ends`,
    });
    await reached;
    await (await takenOver!).drop();
    await produceValues(brokers, from, [['c']]);
    await ended;
    await copy();
    expect(await copied()).toEqual([['a', 'b', 'c']]);
  });

  it('copies nothing after it was told to stop, and the rest the next time', async () => {
    const { from, copy, copied, offsets } = await createCopy(1);
    await produceValues(brokers, from, [['a', 'b']]);
    const stop = new AbortController();
    await copy({
      signal: stop.signal,
      map: () => {
        stop.abort();
        return undefined;
      },
    });
    expect(await offsets()).toEqual(new Map());
    await copy();
    expect(await copied()).toEqual([['a', 'b']]);
  });

  it('goes on where the log begins when retention has passed it by', async () => {
    const { from, copy, copied } = await createCopy(1);
    await produceValues(brokers, from, [['a', 'b', 'c']]);
    await copy({ ends: [1n] });
    const admin = quietClient(patched, brokers).admin();
    await admin.connect();
    await admin.fetchTopicOffsets(from); // loads the metadata that the next call takes for granted
    await admin.deleteTopicRecords({ topic: from, partitions: [{ partition: 0, offset: '2' }] });
    await admin.disconnect();
    await copy();
    expect(await copied()).toEqual([['a', 'c']]);
  });

  it('refuses to go on in a topic that ends before the offset of its group', async () => {
    const { from, id, copy, copied, setOffset } = await createCopy(1);
    await produceValues(brokers, from, [['a', 'b']]);
    await setOffset('3');
    await expect(copy()).rejects.toMatchObject({
      code: 'CLICKSTREAM_KAFKA_REFUSED',
      topic: from,
      offset: 3n,
      message: expect.stringMatching(`group ${id} stands at offset 3 of .* which ends at 2`) as string,
    });
    expect(await copied()).toEqual([[]]);
  });

  it('refuses what may have been copied before the broker forgot the offsets, unless told otherwise', async () => {
    const { from, copy, copied, offsets } = await createCopy(1);
    const producer = await openProducer(brokers);
    const old = String(Date.now() - WEEK_MS - 60_000);
    await producer.send({ topic: from, messages: [{ value: 'old', timestamp: old }, { value: 'new' }] });
    await producer.disconnect();
    await expect(copy()).rejects.toMatchObject({
      code: 'CLICKSTREAM_KAFKA_REFUSED',
      offset: 0n,
      message: expect.stringContaining('it may have been copied before') as string,
    });
    expect(await copied()).toEqual([[]]);
    expect(await offsets()).toEqual(new Map());
    await copy({ acceptRepetition: true });
    await copy();
    expect(await copied()).toEqual([['old', 'new']]);
  });

  it('minds no record that it passes over, however old', async () => {
    const { from, copy, offsets } = await createCopy(1);
    const producer = await openProducer(brokers);
    await producer.send({ topic: from, messages: [{ value: 'old', timestamp: '1' }] });
    await producer.disconnect();
    await copy({ map: () => undefined });
    expect(await offsets()).toEqual(new Map([[0, 1n]]));
  });
});
