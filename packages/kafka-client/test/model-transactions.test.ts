import { randomUUID } from 'node:crypto';
import { describe, expect, inject, onTestFinished, test } from 'vitest';
import { readGroupOffsets } from '../src/group-offsets.ts';
import { createPartitionReader } from '../src/partition-reader.ts';
import { createTestTopic } from './patch/create-test-topic.ts';
import { rawBroker, whileConcurrent, type TransactionOwner } from './raw-broker.ts';
import { testConnection } from './test-connection.ts';

const brokers = inject('kafkaBrokers');

/** What the simulation takes for granted of a broker's transactions, see testing/model-transactions.ts. */
describe('a broker', () => {
  const open = async () => {
    const topic = await createTestTopic(brokers, 'model', { partitions: 2 });
    const broker = await rawBroker(brokers, topic);
    const reader = await createPartitionReader(testConnection(brokers));
    onTestFinished(() => reader.close());
    const transactionalId = randomUUID();
    const init = async (transactionTimeout = 30_000): Promise<TransactionOwner> => {
      const given = await whileConcurrent(() =>
        broker.initProducerId({ transactionalId, transactionTimeout }),
      );
      return { transactionalId, ...given };
    };
    return {
      topic,
      broker,
      init,
      add: (owner: TransactionOwner, partition = 0) =>
        whileConcurrent(() =>
          broker.addPartitionsToTxn({ ...owner, topics: [{ topic, partitions: [partition] }] }),
        ),
      produce: async (
        owner: TransactionOwner,
        firstSequence: number,
        values: string | string[],
        partition = 0,
      ) => {
        const messages = [values].flat().map((value) => ({ value }));
        const { topics } = await broker.produce({
          ...owner,
          topicData: [{ topic, partitions: [{ partition, firstSequence, messages }] }],
        });
        return topics[0]?.partitions[0]?.baseOffset;
      },
      end: (owner: TransactionOwner, isCommit: boolean) =>
        whileConcurrent(() => broker.endTxn({ ...owner, transactionResult: isCommit })),
      /** Values up to an offset, once all transactions below it are ended. */
      readTo: async (to: bigint) => {
        const values: string[] = [];
        for await (const batch of reader.read({ topic, partition: 0, from: 0n, to }))
          for (const record = batch.walk(); record.next();) values.push(String(record.value()));
        return values;
      },
      bounds: () => reader.logBounds(topic, 0),
    };
  };

  test('refuses what a fenced owner sends', async () => {
    const { init, add, produce, end, readTo, bounds } = await open();
    const zombie = await init();
    await add(zombie);
    await produce(zombie, 0, 'of the zombie');
    expect(await bounds()).toEqual({ start: 0n, end: 0n });
    const owner = await init();
    expect(owner.producerEpoch).toBeGreaterThan(zombie.producerEpoch);
    // Its open transaction is aborted, and the marker written, before the new owner is told anything.
    expect(await bounds()).toEqual({ start: 0n, end: 2n });
    await add(owner);
    await produce(owner, 0, 'of the owner');
    const fenced = { type: 'INVALID_PRODUCER_EPOCH' };
    await expect(produce(zombie, 1, 'late')).rejects.toMatchObject(fenced);
    await expect(add(zombie, 1)).rejects.toMatchObject(fenced);
    await expect(end(zombie, true)).rejects.toMatchObject(fenced);
    await end(owner, true);
    expect(await readTo(4n)).toEqual(['of the owner']);
  });

  test('takes a batch whose sequence number it knows for a repetition', async () => {
    const { init, add, produce, end, readTo } = await open();
    const owner = await init();
    await add(owner);
    expect(await produce(owner, 0, 'first')).toBe('0');
    expect(await produce(owner, 0, 'another')).toBe('0');
    await expect(produce(owner, 2, 'with a gap')).rejects.toMatchObject({
      type: 'OUT_OF_ORDER_SEQUENCE_NUMBER',
    });
    await end(owner, true);
    expect(await readTo(2n)).toEqual(['first']);
  });

  test('knows a batch by its first and its last sequence number', async () => {
    const { init, add, produce, end, readTo } = await open();
    const owner = await init();
    await add(owner);
    expect(await produce(owner, 0, ['first', 'second'])).toBe('0');
    expect(await produce(owner, 2, 'third')).toBe('2');
    for (const [sequence, values] of [
      [0, ['first']],
      [0, ['first', 'second', 'third']],
      [1, ['second']],
    ] as const)
      await expect(produce(owner, sequence, [...values])).rejects.toMatchObject({
        type: 'OUT_OF_ORDER_SEQUENCE_NUMBER',
      });
    expect(await produce(owner, 0, ['first', 'second'])).toBe('0');
    await end(owner, true);
    expect(await readTo(4n)).toEqual(['first', 'second', 'third']);
  });

  test('knows the last five batches of a producer, and refuses an older one', async () => {
    const { init, add, produce } = await open();
    const owner = await init();
    await add(owner);
    for (let sequence = 0; sequence < 6; sequence++) await produce(owner, sequence, 'once');
    expect(await produce(owner, 1, 'once')).toBe('1');
    await expect(produce(owner, 0, 'once')).rejects.toMatchObject({ type: 'OUT_OF_ORDER_SEQUENCE_NUMBER' });
  });

  test('takes any first sequence number of a producer that it does not know', async () => {
    const { init, add, produce, end } = await open();
    const owner = await init();
    await add(owner);
    expect(await produce(owner, 7, 'from 7 on')).toBe('0');
    expect(await produce(owner, 8, 'and on')).toBe('1');
    await end(owner, true);
  });

  test('wants a new epoch of a producer to begin with sequence number 0', async () => {
    const { init, add, produce, end, readTo } = await open();
    const first = await init();
    await add(first);
    await produce(first, 0, 'of the first');
    await end(first, true);
    const second = await init();
    await add(second);
    await expect(produce(second, 1, 'too far on')).rejects.toMatchObject({
      type: 'OUT_OF_ORDER_SEQUENCE_NUMBER',
    });
    await produce(second, 0, 'of the second');
    await end(second, true);
    expect(await readTo(4n)).toEqual(['of the first', 'of the second']);
  });

  test('leaves a marker where nothing was written, and fences older epochs by it', async () => {
    const { init, add, produce, end, bounds } = await open();
    const zombie = await init();
    await add(zombie);
    await end(zombie, false);
    // Taking over waits for the markers.
    const owner = await init();
    expect(await bounds()).toEqual({ start: 0n, end: 1n });
    await add(owner);
    await end(owner, false);
    await init();
    expect(await bounds()).toEqual({ start: 0n, end: 2n });
    await expect(produce(zombie, 0, 'late')).rejects.toMatchObject({ type: 'INVALID_PRODUCER_EPOCH' });
    const next = await init();
    await add(next);
    // Of this producer only markers are known.
    await expect(produce(next, 3, 'too far on')).rejects.toMatchObject({
      type: 'OUT_OF_ORDER_SEQUENCE_NUMBER',
    });
    expect(await produce(next, 0, 'of the next')).toBe('2');
  });

  test("refuses another producer id first, then another epoch, then the transaction's state", async () => {
    const { topic, broker, init, add, produce, end } = await open();
    const groupId = `group of ${topic}`;
    const owner = await init();
    const other = await init();
    const requests = [
      (from: TransactionOwner) => add(from),
      (from: TransactionOwner) => end(from, true),
      (from: TransactionOwner) => whileConcurrent(() => broker.addOffsetsToTxn({ ...from, groupId })),
    ];
    const notTheirs = { ...other, producerId: String(Number(other.producerId) + 1_000) };
    const unknown = { ...other, transactionalId: randomUUID() };
    for (const request of requests) {
      for (const from of [notTheirs, { ...notTheirs, producerEpoch: 0 }, unknown])
        await expect(request(from)).rejects.toMatchObject({ type: 'INVALID_PRODUCER_ID_MAPPING' });
      // There is no transaction, of which the end would be refused as well.
      for (const from of [owner, { ...other, producerEpoch: other.producerEpoch + 1 }])
        await expect(request(from)).rejects.toMatchObject({ type: 'INVALID_PRODUCER_EPOCH' });
    }
    await expect(end(other, true)).rejects.toMatchObject({ type: 'INVALID_TXN_STATE' });
    // The partition knows neither, and asks.
    await expect(produce(notTheirs, 0, 'of nobody')).rejects.toMatchObject({
      type: 'INVALID_PRODUCER_ID_MAPPING',
    });
    await expect(produce(owner, 0, 'late')).rejects.toMatchObject({ type: 'INVALID_PRODUCER_EPOCH' });
  });

  test("refuses the group's offsets of a fenced owner", async () => {
    const { topic, broker, init } = await open();
    const groupId = `group of ${topic}`;
    const commit = (owner: TransactionOwner) =>
      broker.txnOffsetCommit({
        ...owner,
        groupId,
        topics: [{ topic, partitions: [{ partition: 0, offset: '7' }] }],
      });
    const zombie = await init();
    await whileConcurrent(() => broker.addOffsetsToTxn({ ...zombie, groupId }));
    await init();
    const fenced = { type: 'INVALID_PRODUCER_EPOCH' };
    await expect(broker.addOffsetsToTxn({ ...zombie, groupId })).rejects.toMatchObject(fenced);
    await expect(commit(zombie)).rejects.toMatchObject(fenced);
  });

  test('refuses offsets of a transaction that they were not added to', async () => {
    const { topic, broker, init, add } = await open();
    const owner = await init();
    await add(owner);
    const topics = [{ topic, partitions: [{ partition: 0, offset: '7' }] }];
    await expect(
      whileConcurrent(() => broker.txnOffsetCommit({ ...owner, groupId: `group of ${topic}`, topics })),
    ).rejects.toMatchObject({ type: 'INVALID_TXN_STATE' });
  });

  test('refuses a write to a partition that is not in the transaction', async () => {
    const { init, add, produce } = await open();
    const owner = await init();
    await add(owner, 0);
    await expect(produce(owner, 0, 'elsewhere', 1)).rejects.toMatchObject({ type: 'INVALID_TXN_STATE' });
  });

  test('answers a repeated end of a transaction as the first one, and the other end not', async () => {
    const { init, add, produce, end } = await open();
    const owner = await init();
    await add(owner);
    await produce(owner, 0, 'once');
    await end(owner, true);
    await end(owner, true);
    await expect(end(owner, false)).rejects.toMatchObject({ type: 'INVALID_TXN_STATE' });
  });

  test('ends the next transaction of the same epoch with a commit that comes late', async () => {
    const { init, add, produce, end, readTo } = await open();
    const owner = await init();
    await add(owner);
    await produce(owner, 0, 'aborted');
    await end(owner, false);
    await add(owner);
    await produce(owner, 1, 'half of a transaction');
    // The commit of the first one, which its sender gave up: why no producer is used again after an error.
    await end(owner, true);
    expect(await readTo(4n)).toEqual(['half of a transaction']);
  });

  test(
    'aborts a transaction that is open for too long, and fences its owner',
    { timeout: 240_000 },
    async () => {
      const { init, add, produce, readTo } = await open();
      const owner = await init(1_000);
      await add(owner);
      await produce(owner, 0, 'forgotten');
      expect(await readTo(2n)).toEqual([]);
      await expect(produce(owner, 1, 'late')).rejects.toMatchObject({ type: 'INVALID_PRODUCER_EPOCH' });
    },
  );

  test("shows the group's offsets once the transaction is committed, and not before", async () => {
    const { topic, broker, init, end } = await open();
    const { connection, log } = testConnection(brokers);
    const groupId = `group of ${topic}`;
    const offset = async () => (await readGroupOffsets(connection, log, groupId, [topic])).get(topic)?.get(0);
    const write = async (owner: TransactionOwner, written: string) => {
      await whileConcurrent(() => broker.addOffsetsToTxn({ ...owner, groupId }));
      const topics = [{ topic, partitions: [{ partition: 0, offset: written }] }];
      await broker.txnOffsetCommit({ ...owner, groupId, topics });
    };
    const owner = await init();
    await write(owner, '7');
    expect(await offset()).toBeUndefined();
    await end(owner, true);
    // Taking over waits for the markers.
    const next = await init();
    expect(await offset()).toBe(7n);
    await write(next, '9');
    await init();
    expect(await offset()).toBe(7n);
  });
});
