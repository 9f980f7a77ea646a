import { setTimeout as delay } from 'node:timers/promises';
import type { Consumer } from '#kafkajs';
import type { KafkaConnection } from './connection.ts';
import { describeError, KafkaClientError } from './error.ts';
import type { FetchedBatch } from './fetched-batch.ts';
import { createKafkajs } from './kafkajs-client.ts';
import type { Logger } from './logger.ts';
import { createPartitionReader, type PartitionReader } from './partition-reader.ts';

/** The work on one partition for as long as it is ours. */
export interface PartitionTask {
  /** Handles a batch. When it resolves, the batch counts as done and its offset is committed. */
  process(batch: FetchedBatch): Promise<void>;
}

export interface BatchConsumerOptions {
  readonly connection: KafkaConnection;
  readonly log: Logger;
  readonly groupId: string;
  readonly topic: string;
  /**
   * Makes the task of a partition that was assigned to us. Called after the partition's committed offset was
   * read, so that state restored here is at least as new as the offset: batches may come twice, none is missed.
   */
  readonly createTask: (
    partition: number,
    reader: PartitionReader,
    signal: AbortSignal,
  ) => Promise<PartitionTask>;
  /** Called when the tasks of a generation are ready, with the partitions that are ours now. */
  readonly onAssigned?: (partitions: readonly number[]) => void;
}

/** A member of a consumer group. */
export interface BatchConsumer {
  /**
   * Resolves after {@link stop}; rejects when the consumer can do its work no longer, for the process to end.
   * It cannot die in silence: a crash of the client, a failing task and a lack of progress all end here.
   */
  readonly finished: Promise<void>;
  /** Lets running batches end, commits them and leaves the group. */
  stop(): Promise<void>;
}

const SESSION_TIMEOUT_MS = 10_000;
const HEARTBEAT_INTERVAL_MS = 500;
const REBALANCE_TIMEOUT_MS = 30_000;
/** How often the consumer looks for signs of life, and how long it does without them. */
const WATCH_INTERVAL_MS = 1_000;
const HEARTBEAT_LIMIT_MS = 45_000;
const FETCH_LIMIT_MS = 90_000;
const BATCH_LIMIT_MS = 300_000;

/**
 * Joins a group and works on the partitions it is given, at least once.
 *
 * kafkajs does the group's part only: its own fetching is paused for good, since it jumps on offsets out of
 * range, swallows empty fetches and waits for the slowest partition. The records come from a
 * {@link PartitionReader}, one lane per partition.
 *
 * @throws KafkaClientError `CLICKSTREAM_KAFKA_UNREACHABLE`
 */
export async function startBatchConsumer(options: BatchConsumerOptions): Promise<BatchConsumer> {
  const consumer = new GroupConsumer(options);
  await consumer.start();
  return consumer;
}

class GroupConsumer implements BatchConsumer {
  readonly finished: Promise<void>;
  readonly #options: BatchConsumerOptions;
  readonly #consumer: Consumer;
  readonly #settle: { resolve: () => void; reject: (error: Error) => void };
  #reader: PartitionReader | undefined;
  #generation = new AbortController();
  /** Work of the current and earlier generations, one after the other. */
  #work: Promise<void> = Promise.resolve();
  #lastHeartbeatAt = 0;
  readonly #batchesSince = new Map<number, number>();
  #watch: NodeJS.Timeout | undefined;
  #stopping: Promise<void> | undefined;
  #failed = false;

  constructor(options: BatchConsumerOptions) {
    this.#options = options;
    const { promise, resolve, reject } = Promise.withResolvers<undefined>();
    this.finished = promise;
    this.finished.catch(() => undefined); // whoever is interested awaits it
    this.#settle = {
      resolve: () => {
        resolve(undefined);
      },
      reject,
    };
    this.#consumer = createKafkajs(options.connection, options.log).consumer({
      groupId: options.groupId,
      sessionTimeout: SESSION_TIMEOUT_MS,
      heartbeatInterval: HEARTBEAT_INTERVAL_MS,
      rebalanceTimeout: REBALANCE_TIMEOUT_MS,
      maxWaitTimeInMs: HEARTBEAT_INTERVAL_MS / 2,
      allowAutoTopicCreation: false,
      retry: {
        initialRetryTime: 100,
        maxRetryTime: 2_000,
        retries: 8,
        restartOnFailure: () => Promise.resolve(false),
      },
    });
  }

  async start(): Promise<void> {
    const { connection, log, topic } = this.#options;
    const consumer = this.#consumer;
    this.#reader = await createPartitionReader({ connection, log });
    const { GROUP_JOIN, REBALANCING, HEARTBEAT, CRASH } = consumer.events;
    consumer.on(GROUP_JOIN, ({ payload }) => {
      this.#lastHeartbeatAt = performance.now();
      const partitions = payload.memberAssignment[topic] ?? [];
      // Before the first fetch of the generation, since listeners run synchronously.
      consumer.pause([{ topic, partitions }]);
      this.#startGeneration(partitions);
    });
    consumer.on(REBALANCING, () => {
      this.#generation.abort();
    });
    consumer.on(HEARTBEAT, () => {
      this.#lastHeartbeatAt = performance.now();
    });
    consumer.on(CRASH, ({ payload }) => {
      this.#fail(
        new KafkaClientError(
          'CLICKSTREAM_KAFKA_CONSUMER_CRASHED',
          `the consumer crashed: ${describeError(payload.error)}`,
          {
            cause: payload.error,
          },
        ),
      );
    });
    try {
      await consumer.connect();
      await consumer.subscribe({ topics: [topic], fromBeginning: true });
      this.#lastHeartbeatAt = performance.now();
      await consumer.run({
        autoCommit: false,
        eachBatch: () => Promise.reject(new Error('kafkajs fetched although everything is paused')),
      });
    } catch (error) {
      await this.#close();
      throw new KafkaClientError(
        'CLICKSTREAM_KAFKA_UNREACHABLE',
        `joining group ${this.#options.groupId}: ${describeError(error)}`,
        { cause: error },
      );
    }
    this.#watch = setInterval(() => {
      this.#lookForLife();
    }, WATCH_INTERVAL_MS);
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#close().then(() => {
      if (!this.#failed) this.#settle.resolve();
    });
    return this.#stopping;
  }

  #startGeneration(partitions: readonly number[]): void {
    this.#generation.abort();
    this.#generation = new AbortController();
    const { signal } = this.#generation;
    this.#work = this.#work
      .then(() => this.#runGeneration(partitions, signal))
      .catch((error: unknown) => {
        if (!signal.aborted) this.#fail(error instanceof Error ? error : new Error(describeError(error)));
      });
  }

  async #runGeneration(partitions: readonly number[], signal: AbortSignal): Promise<void> {
    const { topic, createTask, onAssigned } = this.#options;
    const reader = this.#reader;
    if (signal.aborted || !reader) return;
    const committed = await this.#committedOffsets(partitions);
    const starts = await reader.startOffsets(topic);
    const tasks = await Promise.all(
      partitions.map(async (partition) => ({
        partition,
        from: committed.get(partition) ?? starts[partition] ?? 0n,
        task: await createTask(partition, reader, signal),
      })),
    );
    signal.throwIfAborted();
    onAssigned?.(partitions);
    await Promise.all(
      tasks.map(({ partition, from, task }) => this.#runTask(reader, partition, from, task, signal)),
    );
  }

  async #runTask(
    reader: PartitionReader,
    partition: number,
    from: bigint,
    task: PartitionTask,
    signal: AbortSignal,
  ): Promise<void> {
    const { topic } = this.#options;
    try {
      for await (const batch of reader.read({ topic, partition, from }, signal)) {
        if (batch.nextOffset === batch.fetchedOffset) continue;
        this.#batchesSince.set(partition, performance.now());
        await task.process(batch);
        await this.#consumer.commitOffsets([{ topic, partition, offset: batch.nextOffset.toString() }]);
        this.#batchesSince.delete(partition);
      }
    } catch (error) {
      // A commit is refused when the group has moved on: the new owner does this batch again.
      if (isGroupMovedOn(error)) return;
      this.#generation.abort();
      this.#fail(error instanceof Error ? error : new Error(describeError(error)));
    } finally {
      this.#batchesSince.delete(partition);
    }
  }

  async #committedOffsets(partitions: readonly number[]): Promise<Map<number, bigint>> {
    const { connection, log, groupId, topic } = this.#options;
    const admin = createKafkajs(connection, log).admin();
    try {
      await admin.connect();
      const found = await admin.fetchOffsets({ groupId, topics: [topic] });
      return new Map(
        (found[0]?.partitions ?? [])
          .filter(({ partition, offset }) => partitions.includes(partition) && BigInt(offset) >= 0n)
          .map(({ partition, offset }) => [partition, BigInt(offset)]),
      );
    } finally {
      await admin.disconnect().catch(() => undefined);
    }
  }

  /** kafkajs can lose its fetch loop, or its CRASH event, without a word: then these stand still. */
  #lookForLife(): void {
    const now = performance.now();
    const oldestBatch = Math.min(...this.#batchesSince.values(), now);
    const silence =
      now - this.#lastHeartbeatAt > HEARTBEAT_LIMIT_MS
        ? `no heartbeat for ${HEARTBEAT_LIMIT_MS / 1000} s`
        : (this.#reader?.silenceMs() ?? 0) > FETCH_LIMIT_MS
          ? `no answer to a fetch for ${FETCH_LIMIT_MS / 1000} s`
          : now - oldestBatch > BATCH_LIMIT_MS
            ? `a batch is being worked on for ${BATCH_LIMIT_MS / 1000} s`
            : undefined;
    if (silence !== undefined)
      this.#fail(
        new KafkaClientError('CLICKSTREAM_KAFKA_STALLED', `the consumer makes no progress: ${silence}`),
      );
  }

  #fail(error: Error): void {
    if (this.#failed || this.#stopping) return;
    this.#failed = true;
    clearInterval(this.#watch);
    this.#settle.reject(error);
  }

  async #close(): Promise<void> {
    clearInterval(this.#watch);
    this.#generation.abort();
    await this.#work;
    await Promise.race([
      this.#consumer.disconnect().catch(() => undefined),
      delay(5_000, undefined, { ref: false }),
    ]);
    await this.#reader?.close();
  }
}

const MOVED_ON = new Set([
  'REBALANCE_IN_PROGRESS',
  'ILLEGAL_GENERATION',
  'UNKNOWN_MEMBER_ID',
  'NOT_COORDINATOR_FOR_GROUP',
]);

function isGroupMovedOn(error: unknown): boolean {
  for (let at: unknown = error; at instanceof Error; at = at.cause)
    if ('type' in at && typeof at.type === 'string' && MOVED_ON.has(at.type)) return true;
  return false;
}
