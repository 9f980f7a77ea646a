import type { KafkaConnection } from './connection.ts';
import { describeError, KafkaClientError } from './error.ts';
import type { FetchedBatch } from './fetched-batch.ts';
import { readGroupOffsets } from './group-offsets.ts';
import { isGroupMovedOn, joinGroup, type GroupMembership } from './group-membership.ts';
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

/** How often the consumer looks for signs of life, and how long it does without them. */
const WATCH_INTERVAL_MS = 1_000;
const FETCH_LIMIT_MS = 90_000;
const BATCH_LIMIT_MS = 300_000;

/**
 * Joins a group and works on the partitions it is given, at least once: one lane per partition, which reads
 * through a {@link PartitionReader}.
 *
 * @throws KafkaClientError `CLICKSTREAM_KAFKA_UNREACHABLE`
 */
export async function startBatchConsumer(options: BatchConsumerOptions): Promise<BatchConsumer> {
  const consumer = new GroupConsumer(options, await createPartitionReader(options));
  await consumer.join();
  return consumer;
}

class GroupConsumer implements BatchConsumer {
  readonly finished: Promise<void>;
  readonly #options: BatchConsumerOptions;
  readonly #reader: PartitionReader;
  readonly #settle: { resolve: () => void; reject: (error: Error) => void };
  #membership: GroupMembership | undefined;
  #generation = new AbortController();
  /** Work of the current and earlier generations, one after the other. */
  #work: Promise<void> = Promise.resolve();
  readonly #batchesSince = new Map<number, number>();
  readonly #watch: NodeJS.Timeout;
  #stopping: Promise<void> | undefined;

  constructor(options: BatchConsumerOptions, reader: PartitionReader) {
    this.#options = options;
    this.#reader = reader;
    const { promise, resolve, reject } = Promise.withResolvers<undefined>();
    this.finished = promise;
    this.finished.catch(() => undefined); // whoever is interested awaits it
    this.#settle = {
      resolve: () => {
        resolve(undefined);
      },
      reject,
    };
    this.#watch = setInterval(() => {
      this.#lookForLife();
    }, WATCH_INTERVAL_MS);
  }

  async join(): Promise<void> {
    try {
      this.#membership = await joinGroup({
        ...this.#options,
        onAssigned: (partitions) => {
          this.#startGeneration(partitions);
        },
        onRebalancing: () => {
          this.#generation.abort();
        },
      });
    } catch (error) {
      await this.#close();
      throw error;
    }
    this.#membership.failed.catch((error: unknown) => {
      this.#fail(error);
    });
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#close().then(() => {
      this.#settle.resolve();
    });
    return this.#stopping;
  }

  #startGeneration(partitions: readonly number[]): void {
    if (this.#stopping) return;
    this.#generation.abort();
    this.#generation = new AbortController();
    const { signal } = this.#generation;
    this.#work = this.#work
      .then(() => this.#runGeneration(partitions, signal))
      .catch((error: unknown) => {
        if (!signal.aborted) this.#fail(error);
      });
  }

  async #runGeneration(partitions: readonly number[], signal: AbortSignal): Promise<void> {
    const { connection, log, groupId, topic, createTask, onAssigned } = this.#options;
    if (signal.aborted) return;
    const committed = await readGroupOffsets(connection, log, groupId, [topic]);
    const starts = await this.#reader.startOffsets(topic);
    const tasks = await Promise.all(
      partitions.map(async (partition) => ({
        partition,
        from: committed.get(topic)?.get(partition) ?? starts[partition] ?? 0n,
        task: await createTask(partition, this.#reader, signal),
      })),
    );
    signal.throwIfAborted();
    onAssigned?.(partitions);
    await Promise.all(
      tasks.map(async ({ partition, from, task }) => {
        try {
          await this.#runTask(partition, from, task, signal);
        } catch (error) {
          this.#generation.abort();
          this.#fail(error);
        } finally {
          this.#batchesSince.delete(partition);
        }
      }),
    );
  }

  async #runTask(partition: number, from: bigint, task: PartitionTask, signal: AbortSignal): Promise<void> {
    const { topic } = this.#options;
    for await (const batch of this.#reader.read({ topic, partition, from }, signal)) {
      if (batch.nextOffset === batch.fetchedOffset) continue;
      this.#batchesSince.set(partition, performance.now());
      await task.process(batch);
      // Another generation has begun: a commit would be taken, though the partition may have a new owner who is further.
      if (this.#generation.signal !== signal) return;
      try {
        await this.#membership?.commit(partition, batch.nextOffset);
      } catch (error) {
        // The new owner does this batch again.
        if (isGroupMovedOn(error)) return;
        throw new KafkaClientError(
          'CLICKSTREAM_KAFKA_UNREACHABLE',
          `committing ${topic} [${partition}]: ${describeError(error)}`,
          { cause: error, topic, partition },
        );
      }
      this.#batchesSince.delete(partition);
    }
  }

  #lookForLife(): void {
    const oldestBatch = Math.min(...this.#batchesSince.values(), performance.now());
    const silence =
      this.#reader.silenceMs() > FETCH_LIMIT_MS
        ? `no answer to a fetch for ${FETCH_LIMIT_MS / 1000} s`
        : performance.now() - oldestBatch > BATCH_LIMIT_MS
          ? `a batch is being worked on for ${BATCH_LIMIT_MS / 1000} s`
          : undefined;
    if (silence !== undefined)
      this.#fail(
        new KafkaClientError('CLICKSTREAM_KAFKA_STALLED', `the consumer makes no progress: ${silence}`),
      );
  }

  #fail(error: unknown): void {
    this.#settle.reject(error instanceof Error ? error : new Error(describeError(error)));
    this.#stopping ??= this.#close();
  }

  async #close(): Promise<void> {
    clearInterval(this.#watch);
    this.#generation.abort();
    await this.#work;
    await this.#membership?.leave();
    await this.#reader.close();
  }
}
