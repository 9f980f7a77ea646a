import { KafkaClientError } from '../src/error.ts';
import { createFetchedBatch, type FetchedBatch, type PartitionResponse } from '../src/fetched-batch.ts';
import type { PartitionRange } from '../src/partition-reader.ts';
import type { TaskPorts } from '../src/task-ports.ts';
import { isModelError, ModelError, NoAnswerError } from './model-error.ts';
import { LATER } from './model-network.ts';
import type { ModelProcess } from './model-process.ts';
import { leaderNode, TOPICS, type World } from './simulation-world.ts';

/** As in src/partition-reader.ts. */
const RETRY_DELAY_MS = 200;

/**
 * What {@link PartitionReader} is on a real broker, with one fetch request per partition: it asks again for as long as
 * the leader does not answer, has at most one batch fetched ahead and never jumps.
 *
 * Shown by test/partition-reader.test.ts "goes on across batches without a gap" and "whose beginning was deleted is refused
 * instead of moved", test/partition-reader-faults.test.ts "has at most one batch fetched ahead for it" and "while its
 * partitions are followed costs neither a record nor a repetition".
 */
export class SimulatedReader implements Pick<TaskPorts['reader'], keyof TaskPorts['reader']> {
  readonly #world: World;
  readonly #process: ModelProcess;
  readonly #streams = new Set<() => void>();
  #lastAnswerMs = 0;
  #isClosed = false;

  constructor(world: World, process: ModelProcess) {
    this.#world = world;
    this.#process = process;
  }

  async logBounds(topic: string, partition: number): Promise<{ start: bigint; end: bigint }> {
    const log = this.#world.cluster.log(topic, partition);
    // Two requests, and between them the log may change.
    const start = await this.#offset(topic, partition, 'start', () => log.start);
    const end = await this.#offset(topic, partition, 'end', () => log.stable);
    return { start: BigInt(start), end: BigInt(end) };
  }

  async *read(range: PartitionRange, signal?: AbortSignal): AsyncGenerator<FetchedBatch, void> {
    const { topic, partition, from, to } = range;
    const isOver = () => this.#isClosed || signal?.aborted === true;
    const isAtEnd = (position: bigint) => to !== undefined && position >= to;
    let wake: () => void = () => undefined;
    const over = new Promise<undefined>((resolve) => {
      wake = () => {
        resolve(undefined);
      };
    });
    const forget = signal && this.#process.onAbort(signal, wake);
    this.#streams.add(wake);
    const fetch = (position: bigint) => {
      const ahead = this.#fetch(topic, partition, position, to, isOver);
      ahead.catch(() => undefined); // thrown where it is awaited, if it still is
      return ahead;
    };
    try {
      if (isOver() || isAtEnd(from)) return;
      for (let ahead = fetch(from); ;) {
        const batch = await Promise.race([ahead, over]);
        if (!batch || isOver()) return;
        const hasMore = !isAtEnd(batch.nextOffset);
        if (hasMore) ahead = fetch(batch.nextOffset);
        yield batch;
        if (!hasMore) return;
      }
    } finally {
      this.#streams.delete(wake);
      forget?.();
    }
  }

  silenceMs(): number {
    return this.#streams.size === 0 ? 0 : this.#process.clock.now() - this.#lastAnswerMs;
  }

  close(): Promise<void> {
    this.#isClosed = true;
    for (const wake of this.#streams) wake();
    return Promise.resolve();
  }

  async #offset(topic: string, partition: number, which: string, offset: () => number): Promise<number> {
    return this.#keepAsking(topic, partition, () =>
      this.#world.network.call({
        process: this.#process,
        node: leaderNode(this.#world, topic, partition),
        what: `${which} of ${topic}/${partition}`,
        apply: offset,
        show: String,
      }),
    );
  }

  async #fetch(
    topic: string,
    partition: number,
    position: bigint,
    to: bigint | undefined,
    isOver: () => boolean,
  ): Promise<FetchedBatch | undefined> {
    const { cluster, network, scheduler, timeouts, random } = this.#world;
    const log = cluster.log(topic, partition);
    const from = Number(position);
    const mostBatches = 1 + random.below(6);
    try {
      const response = await this.#keepAsking(
        topic,
        partition,
        () =>
          network.call<Omit<PartitionResponse, 'arrivedAt'>>({
            process: this.#process,
            node: leaderNode(this.#world, topic, partition),
            what: `fetch ${topic}/${partition} at ${from}`,
            isQuiet: true,
            timeoutMs: timeouts.requestMs + timeouts.fetchMs,
            apply: (later) => {
              if (log.stable > from || from < log.start || from > log.end)
                return log.fetch(from, mostBatches);
              // The broker waits until there is something to see, or its time is over.
              let isAnswered = false;
              const answer = () => {
                if (isAnswered) return;
                isAnswered = true;
                try {
                  later(log.fetch(from, mostBatches));
                } catch (error) {
                  if (!(error instanceof ModelError)) throw error;
                  later(error);
                }
              };
              const watch = () => {
                if (isAnswered) return;
                if (log.stable > from || from < log.start) answer();
                else cluster.whenChanged(log, watch);
              };
              cluster.whenChanged(log, watch);
              scheduler.after(timeouts.fetchMs, () => {
                answer();
                return false;
              });
              return LATER;
            },
          }),
        isOver,
      );
      if (!response) return undefined;
      const arrivedAt = this.#process.clock.now();
      const batch = createFetchedBatch({ ...response, arrivedAt }, position, to);
      this.#cover(topic, response.abortedTransactions.length > 0, batch);
      return batch;
    } catch (error) {
      if (!isModelError(error, 'OFFSET_OUT_OF_RANGE')) throw error;
      throw new KafkaClientError(
        'CLICKSTREAM_KAFKA_OFFSET_OUT_OF_RANGE',
        `${topic} [${partition}] does not hold offset ${position}`,
        { topic, partition, offset: position },
      );
    }
  }

  #cover(topic: string, hasAborted: boolean, batch: FetchedBatch): void {
    const { coverage } = this.#world;
    if (batch.nextOffset === batch.fetchedOffset && batch.lastStableOffset === batch.highWatermark)
      coverage.count('idle fetches');
    if (topic !== TOPICS.repartition || !hasAborted) return;
    if (batch.walk().next()) coverage.count('fetches with aborted records between committed ones');
  }

  /** Asks until there is an answer. @throws KafkaClientError `CLICKSTREAM_KAFKA_UNREACHABLE` when there is none for long. */
  async #keepAsking<T>(topic: string, partition: number, ask: () => Promise<T>): Promise<T>;
  async #keepAsking<T>(
    topic: string,
    partition: number,
    ask: () => Promise<T>,
    isOver: () => boolean,
  ): Promise<T | undefined>;
  async #keepAsking<T>(
    topic: string,
    partition: number,
    ask: () => Promise<T>,
    isOver?: () => boolean,
  ): Promise<T | undefined> {
    const { clock } = this.#process;
    for (const failingSince = clock.now(); !isOver?.();) {
      try {
        const answer = await ask();
        this.#lastAnswerMs = clock.now();
        return answer;
      } catch (error) {
        if (!(error instanceof NoAnswerError)) throw error;
        if (clock.now() - failingSince > this.#world.timeouts.leaderlessMs)
          throw new KafkaClientError(
            'CLICKSTREAM_KAFKA_UNREACHABLE',
            `no answer from the leader of ${topic} [${partition}]`,
            { topic, partition },
          );
        await clock.delay(RETRY_DELAY_MS);
      }
    }
    return undefined;
  }
}
