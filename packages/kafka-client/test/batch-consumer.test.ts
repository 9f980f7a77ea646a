import { randomUUID } from 'node:crypto';
import { describe, expect, inject, it } from 'vitest';
import {
  startBatchConsumer,
  type BatchConsumer,
  type BatchConsumerOptions,
  type PartitionTask,
} from '../src/batch-consumer.ts';
import type { FetchedBatch } from '../src/fetched-batch.ts';
import { readGroupOffsets } from '../src/group-offsets.ts';
import { createTestTopic } from './patch/create-test-topic.ts';
import { quietClient } from './patch/quiet-client.ts';
import { patched } from './patch/unpatched-kafkajs.ts';
import { produceValues } from './produce.ts';
import { testConnection } from './test-connection.ts';

const brokers = inject('kafkaBrokers');
const { connection, log } = testConnection(brokers);

/** A promise with its handle, for one moment of a test. */
function moment() {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  return {
    reached: promise,
    reach: () => {
      resolve(undefined);
    },
  };
}

const numbers = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, index) => String(from + index));

function valuesOf(batch: FetchedBatch): string[] {
  const values: string[] = [];
  for (const record = batch.walk(); record.next();) values.push(String(record.value()));
  return values;
}

/** What a member has seen; it can be waited for. */
class Seen {
  readonly values: string[] = [];
  readonly #waiting: (() => void)[] = [];

  readonly task: PartitionTask = {
    process: (batch) => {
      this.add(batch);
      return Promise.resolve();
    },
  };

  add(batch: FetchedBatch): void {
    this.values.push(...valuesOf(batch));
    for (const check of this.#waiting) check();
  }

  until(count: number): Promise<void> {
    return new Promise((resolve) => {
      const check = () => {
        if (new Set(this.values).size >= count) resolve();
      };
      this.#waiting.push(check);
      check();
    });
  }
}

interface Setting {
  readonly topic: string;
  readonly groupId: string;
  readonly start: (
    createTask: BatchConsumerOptions['createTask'],
    onAssigned?: BatchConsumerOptions['onAssigned'],
  ) => Promise<BatchConsumer>;
  readonly committed: () => Promise<(bigint | undefined)[]>;
}

async function setUp(partitions: number): Promise<Setting> {
  const topic = await createTestTopic(brokers, 'consumed', { partitions });
  const groupId = `group-${randomUUID()}`;
  return {
    topic,
    groupId,
    start: (createTask, onAssigned) =>
      startBatchConsumer({ connection, log, topic, groupId, createTask, ...(onAssigned && { onAssigned }) }),
    committed: async () => {
      const offsets = await readGroupOffsets(connection, log, groupId, [topic]);
      return Array.from({ length: partitions }, (_, partition) => offsets.get(topic)?.get(partition));
    },
  };
}

describe('a consumer', () => {
  it('begins at the start of the log and goes on where the last one stopped', async () => {
    const { topic, start, committed } = await setUp(1);
    await produceValues(brokers, topic, [numbers(0, 5)]);
    const first = new Seen();
    const one = await start(() => Promise.resolve(first.task));
    await first.until(5);
    await produceValues(brokers, topic, [numbers(5, 8)]);
    await first.until(8);
    await one.stop();
    await one.finished;
    expect(first.values).toEqual(numbers(0, 8));
    expect(await committed()).toEqual([8n]);

    await produceValues(brokers, topic, [numbers(8, 12)]);
    const second = new Seen();
    const two = await start(() => Promise.resolve(second.task));
    await second.until(4);
    await two.stop();
    expect(second.values).toEqual(numbers(8, 12));
    expect(await committed()).toEqual([12n]);
  });

  it('ends with the error of a task, commits nothing of its batch, and the next one gets it again', async () => {
    const { topic, start, committed } = await setUp(2);
    await produceValues(brokers, topic, [numbers(0, 5)], 1);
    const failing = await start(() =>
      Promise.resolve({ process: () => Promise.reject(new TypeError('a bug in the task')) }),
    );
    await expect(failing.finished).rejects.toThrow('a bug in the task');
    await failing.stop();
    await expect(failing.finished).rejects.toThrow('a bug in the task');
    expect(await committed()).toEqual([undefined, undefined]);

    const seen = new Seen();
    const next = await start(() => Promise.resolve(seen.task));
    await seen.until(5);
    await next.stop();
    expect(seen.values).toEqual(numbers(0, 5));
  });

  it('ends with the error of a task that cannot be made', async () => {
    const { start } = await setUp(2);
    const consumer = await start((partition) =>
      partition === 1 ? Promise.reject(new Error('cannot restore')) : Promise.resolve(new Seen().task),
    );
    await expect(consumer.finished).rejects.toThrow('cannot restore');
    await consumer.stop();
  });

  it('ends when the committed offset is no longer in the log', async () => {
    const { topic, start } = await setUp(1);
    await produceValues(brokers, topic, [numbers(0, 5)]);
    const seen = new Seen();
    const consumer = await start(() => Promise.resolve(seen.task));
    await seen.until(5);
    await consumer.stop();
    const admin = quietClient(patched, brokers).admin();
    await admin.connect();
    await produceValues(brokers, topic, [numbers(5, 9)]);
    await admin.fetchTopicOffsets(topic);
    await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '7' }] });
    await admin.disconnect();
    const next = await start(() => Promise.resolve(seen.task));
    await expect(next.finished).rejects.toMatchObject({
      code: 'CLICKSTREAM_KAFKA_OFFSET_OUT_OF_RANGE',
      offset: 5n,
    });
    await next.stop();
    expect(seen.values).toEqual(numbers(0, 5));
  });
});

describe('stopping', () => {
  it('lets the batch at work end, and commits it', async () => {
    const { topic, start, committed } = await setUp(1);
    await produceValues(brokers, topic, [numbers(0, 5)]);
    const [begun, mayEnd] = [moment(), moment()];
    const consumer = await start(() =>
      Promise.resolve({
        process: async () => {
          begun.reach();
          await mayEnd.reached;
        },
      }),
    );
    await begun.reached;
    const stopped = consumer.stop();
    mayEnd.reach();
    await stopped;
    await consumer.finished;
    expect(await committed()).toEqual([5n]);
  });

  it('while a task is being restored tells it so, and processes nothing', async () => {
    const { topic, start, committed } = await setUp(1);
    await produceValues(brokers, topic, [numbers(0, 5)]);
    const restoring = moment();
    const seen = new Seen();
    const consumer = await start(async (_, reader, signal) => {
      restoring.reach();
      for await (const batch of reader.read({ topic, partition: 0, from: 5n }, signal))
        expect(valuesOf(batch)).toEqual([]);
      return seen.task;
    });
    await restoring.reached;
    await consumer.stop();
    await consumer.finished;
    expect(seen.values).toEqual([]);
    expect(await committed()).toEqual([undefined]);
  });
});

describe('two members', () => {
  it('share the partitions, and one takes over what the other leaves', async () => {
    const { topic, start } = await setUp(4);
    const [first, second] = [new Seen(), new Seen()];
    const bothHaveSome = moment();
    let counts = [0, 0];
    const onAssigned = (member: number) => (partitions: readonly number[]) => {
      counts = counts.with(member, partitions.length);
      if (counts[0] === 2 && counts[1] === 2) bothHaveSome.reach();
    };
    const one = await start(() => Promise.resolve(first.task), onAssigned(0));
    const two = await start(() => Promise.resolve(second.task), onAssigned(1));
    await bothHaveSome.reached;
    for (let partition = 0; partition < 4; partition++)
      await produceValues(brokers, topic, [numbers(partition * 10, partition * 10 + 10)], partition);
    await Promise.all([first.until(20), second.until(20)]);
    expect([...first.values, ...second.values].map(Number).toSorted((a, b) => a - b)).toEqual(
      numbers(0, 40).map(Number),
    );

    await one.stop();
    for (let partition = 0; partition < 4; partition++)
      await produceValues(brokers, topic, [[`late ${partition}`]], partition);
    await second.until(24);
    expect(second.values.slice(20).toSorted()).toEqual(['late 0', 'late 1', 'late 2', 'late 3']);
    await two.stop();
  });

  it('never commit backwards: who has lost a partition leaves its offset alone', async () => {
    const { topic, start, committed } = await setUp(2);
    for (const partition of [0, 1]) await produceValues(brokers, topic, [numbers(0, 5)], partition);
    const mayEnd = moment();
    const [begun, beginnings] = [moment(), new Set<number>()];
    const slow = await start((partition) =>
      Promise.resolve({
        process: async () => {
          beginnings.add(partition);
          if (beginnings.size === 2) begun.reach();
          await mayEnd.reached;
        },
      }),
    );
    await begun.reached;
    // The slow one has batches of 5 records at work when one of its partitions goes to another.
    for (const partition of [0, 1]) await produceValues(brokers, topic, [numbers(5, 10)], partition);
    const seen = new Seen();
    let taken = -1;
    const quick = await start((partition) => {
      taken = partition;
      return Promise.resolve(seen.task);
    });
    await seen.until(10);
    await expect.poll(async () => (await committed())[taken]).toBe(10n);
    mayEnd.reach();
    await slow.stop();
    expect((await committed())[taken]).toBe(10n);
    await quick.stop();
  });

  it('that comes while the other is stopping gets everything, and the other begins nothing anew', async () => {
    const { topic, start } = await setUp(2);
    for (const partition of [0, 1]) await produceValues(brokers, topic, [numbers(0, 5)], partition);
    const mayEnd = moment();
    const begun = moment();
    let made = 0;
    const stopping = await start(() => {
      made++;
      return Promise.resolve({
        process: async () => {
          begun.reach();
          await mayEnd.reached;
        },
      });
    });
    await begun.reached;
    const stopped = stopping.stop();
    const seen = new Seen();
    const hasSome = moment();
    const hasAll = moment();
    const heir = await start(
      () => Promise.resolve(seen.task),
      (partitions) => {
        if (partitions.length > 0) hasSome.reach();
        if (partitions.length === 2) hasAll.reach();
      },
    );
    await hasSome.reached;
    mayEnd.reach();
    await stopped;
    await stopping.finished;
    await hasAll.reached;
    for (const partition of [0, 1]) await produceValues(brokers, topic, [[`late ${partition}`]], partition);
    await expect.poll(() => seen.values.filter((value) => value.startsWith('late')).length).toBe(2);
    expect(made).toBe(2);
    await heir.stop();
  });
});
