import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { readCheckpoint } from '../src/checkpoint.ts';
import { ensureTopics } from '../src/ensure-topics.ts';
import { createPartitionReader, type PartitionReader } from '../src/partition-reader.ts';
import { homePartition } from '../src/placement.ts';
import { createRecordProducer } from '../src/record-producer.ts';
import type { TaskLogic } from '../src/task-logic.ts';
import { kafkaPorts, type TaskPorts, type TaskProducer } from '../src/task-ports.ts';
import {
  internalTopics,
  runInstance,
  type InstanceSettings,
  type TaskProcessor,
} from '../src/task-processor.ts';
import { readAll } from './read-all.ts';
import { testConnection } from './test-connection.ts';

const brokers = inject('kafkaBrokers');
const { connection, log } = testConnection(brokers);
const PARTITIONS = 2;
/** Where records are forwarded from, and where to. */
const [ORIGIN, HOME] = [0, 1];

let reader: PartitionReader;
beforeAll(async () => {
  reader = await createPartitionReader({ connection, log });
});
afterAll(() => reader.close());

/** Counts how often each value was sent, at the value's home; `onRecord` hears of each that was forwarded there. */
function countingLogic(results: string, onReceived: () => void): () => TaskLogic {
  return () => {
    const counts = new Map<string, number>();
    return {
      resume: () => undefined,
      rebuild: () => undefined,
      rebuildIsPartial: () => undefined,
      caughtUp: () => undefined,
      idle: () => false,
      snapshot: () => null,
      rebuildFrom: (_, position) => position,
      resultsFrom: () => ({}),
      restore: (_, record) => counts.set(String(record.key()), Number(record.value())),
      process: (record, forwardedFrom, output) => {
        const key = record.value() ?? Buffer.alloc(0);
        const home = homePartition(key, PARTITIONS);
        if (forwardedFrom === undefined && home === HOME) {
          output.forward(record, home, key);
          return 'forwarded';
        }
        const count = (counts.get(String(key)) ?? 0) + 1;
        counts.set(String(key), count);
        output.write({ topic: results, key, value: Buffer.from(String(count)) });
        if (forwardedFrom !== undefined) onReceived();
        return 'counted';
      },
      flush: () => undefined,
      heldBack: 0,
      heldBackBytes: 0,
      isClosing: false,
      sums: () => ({ records: [...counts.values()].reduce((sum, count) => sum + count, 0) }),
    };
  };
}

/** The ports of the real broker; purges are noted, and transactions of the home partition wait for `gate`. */
async function watchedPorts(purges: bigint[], gate: () => Promise<void>): Promise<TaskPorts> {
  const ports = await kafkaPorts(connection, log);
  const behindGate = (producer: TaskProducer): TaskProducer => ({
    begin: async () => {
      await gate();
      await producer.begin();
    },
    send: (records, onPart) => producer.send(records, onPart),
    sendOffsets: (groupId, positions) => producer.sendOffsets(groupId, positions),
    commit: () => producer.commit(),
    abortLeftOvers: (places, groupId) => producer.abortLeftOvers(places, groupId),
    assertOwner: (groupId) => producer.assertOwner(groupId),
    drop: () => producer.drop(),
  });
  return {
    ...ports,
    fence: async (transactionalId) => {
      const producer = await ports.fence(transactionalId);
      return transactionalId.endsWith(`-${HOME}`) ? behindGate(producer) : producer;
    },
    deleteRecords: async (topic, below, signal) => {
      await ports.deleteRecords(topic, below, signal);
      for (const { partition, offset } of below) if (partition === HOME) purges.push(offset);
    },
  };
}

it('the repartition topic is purged up to the committed position and no further, so that no restart misses a record', async ({
  onTestFinished,
}) => {
  const id = randomUUID().slice(0, 8);
  const applicationId = `purge-${id}`;
  const { repartition, checkpoint } = internalTopics(applicationId);
  const [input, results] = [`input-${id}`, `results-${id}`];
  await ensureTopics({
    connection,
    log,
    topics: [
      { name: input, config: {} },
      { name: results, config: { 'cleanup.policy': 'compact' } },
      repartition,
      checkpoint,
    ],
    partitions: PARTITIONS,
  });
  const producer = await createRecordProducer([input], { connection, log, lingerMs: 1 });
  onTestFinished(() => producer.close());
  const value = Array.from({ length: 20 }, (_, n) => `value-${n}`).find(
    (candidate) => homePartition(Buffer.from(candidate), PARTITIONS) === HOME,
  )!;
  const write = (records: number) =>
    Promise.all(
      Array.from({ length: records }, () =>
        producer.send({ topic: input, partition: ORIGIN, key: null, value: Buffer.from(value) }),
      ),
    );

  const purges: bigint[] = [];
  let received = 0;
  let gate = () => Promise.resolve();
  const settings: InstanceSettings = {
    log,
    applicationId,
    inputTopic: input,
    repartitionTopic: repartition.name,
    checkpointTopic: checkpoint.name,
    resultTopics: [results],
    otherTopics: [],
    partitions: PARTITIONS,
    createLogic: countingLogic(results, () => received++),
    idleTimeoutMs: 10_000,
    commitIntervalMs: 0,
    commitMaxRecords: 1_000,
    purgeIntervalMs: 50,
  };
  const start = async (): Promise<TaskProcessor> => {
    const processor = await runInstance(settings, await watchedPorts(purges, () => gate()));
    onTestFinished(() => processor.stop());
    return processor;
  };
  const committed = async () =>
    (await readCheckpoint(reader, checkpoint.name, HOME)).checkpoint?.repartition.position ?? 0n;
  const bounds = () => reader.logBounds(repartition.name, HOME);
  const counted = async () => Number((await readAll(brokers, results))[HOME]!.at(-1)?.value ?? 0);
  const untilCounted = (records: number) => expect.poll(counted, { timeout: 60_000 }).toBe(records);
  const untilPurged = () =>
    expect
      .poll(async () => (await bounds()).start === (await committed()) && (await bounds()).start, {
        timeout: 60_000,
      })
      .toBeGreaterThan(0n);

  const first = await start();
  await write(30);
  await untilCounted(30);
  await untilPurged();
  const { start: purgedTo } = await bounds();
  expect(purgedTo).toBeGreaterThanOrEqual(30n);

  // Read and counted, but not committed: a purge may not know of it.
  const { promise: crash, reject: crashNow } = Promise.withResolvers<never>();
  crash.catch(() => undefined);
  gate = () => (received < 42 ? Promise.resolve() : crash);
  await write(12);
  await expect.poll(() => received, { timeout: 60_000 }).toBe(42);
  const before = purges.length;
  await expect.poll(() => purges.length, { timeout: 60_000 }).toBeGreaterThan(before + 2);
  const position = await committed();
  expect((await bounds()).start).toBeLessThanOrEqual(position);
  expect((await bounds()).end).toBeGreaterThan(position);
  expect(await counted()).toBeLessThan(42);
  expect(purges.every((offset) => offset <= position)).toBe(true);

  // The transaction fails, and the task starts again where the log has to be whole.
  gate = () => Promise.resolve();
  crashNow(new Error('crashed'));
  await untilCounted(42);
  expect(received).toBeGreaterThan(42);
  await untilPurged();
  await first.stop();

  await start();
  await write(5);
  await untilCounted(47);
  await untilPurged();
  expect((await readAll(brokers, results)).flat().map(({ value: count }) => Number(count))).toEqual(
    Array.from({ length: 47 }, (_, n) => n + 1),
  );
}, 240_000);
