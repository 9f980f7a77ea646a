import { setTimeout as delay } from 'node:timers/promises';
import type { PartitionBroker, PartitionCluster } from '#kafkajs';
import type { KafkaConnection } from './connection.ts';
import { describeError, KafkaClientError } from './error.ts';
import { fetchRequest, type ProtocolRequest } from './fetch-protocol.ts';
import { createFetchedBatch, type FetchedBatch, type PartitionResponse } from './fetched-batch.ts';
import { createKafkajs } from './kafkajs-client.ts';
import type { Logger } from './logger.ts';
import { topicRefusal } from './topic-refusal.ts';
import { within } from './within.ts';

/** A stretch of one partition: offsets `[from, to)`, or from `from` on for ever when `to` is left out. */
export interface PartitionRange {
  readonly topic: string;
  readonly partition: number;
  readonly from: bigint;
  readonly to?: bigint;
}

/** Reads partitions at any offset, without a consumer group: nothing is joined, committed or left behind. */
export interface PartitionReader {
  /** The number of partitions of a topic. @throws KafkaClientError `CLICKSTREAM_KAFKA_TOPIC_MISSING` or `…_AUTHORIZATION` */
  partitionCount(topic: string): Promise<number>;
  /** Both of the following for one partition. @throws KafkaClientError `CLICKSTREAM_KAFKA_TOPIC_MISSING` */
  logBounds(topic: string, partition: number): Promise<{ start: bigint; end: bigint }>;
  /** First offset still in the log, per partition. */
  startOffsets(topic: string): Promise<bigint[]>;
  /** Offset after the last one readable with the reader's isolation (the last stable offset, if committed), per partition. */
  endOffsets(topic: string): Promise<bigint[]>;
  /** First offset whose record has this Kafka timestamp (ms since the epoch) or a later one, else the end, per partition. */
  offsetsAtTime(topic: string, timestampMs: number): Promise<bigint[]>;
  /**
   * Reads a range, batch by batch; batches without records are handed on as well. Ends when `to` is reached,
   * when `signal` aborts or when the reader is closed. While one batch is worked on, the next is fetched.
   * All ranges being read share one fetch request per broker.
   *
   * @throws KafkaClientError `CLICKSTREAM_KAFKA_OFFSET_OUT_OF_RANGE` when the log does not hold the position
   * (never jumps), `CLICKSTREAM_KAFKA_UNREACHABLE` after a minute without the partition's leader.
   */
  read(range: PartitionRange, signal?: AbortSignal): AsyncGenerator<FetchedBatch, void>;
  /** Time since the last answer of any broker to a fetch, ms; 0 while nothing is being read. */
  silenceMs(): number;
  /** Ends every reading and disconnects, within about a second also when no broker answers. */
  close(): Promise<void>;
}

export interface PartitionReaderOptions {
  readonly connection: KafkaConnection;
  readonly log: Logger;
  /** `read_committed` unless told otherwise: aborted records are never shown. */
  readonly isolation?: 'read_committed' | 'read_uncommitted';
  /** How much of one partition a fetch brings at most, in bytes; 4 MiB unless told. Each partition read holds twice that. */
  readonly maxBytesPerPartition?: number;
  /**
   * Least time from one fetch of a broker to the next once all there is was read, in ms; 0 unless told. Rarer ones bring more at
   * once, and cost both sides less. A new range, and closing, may have to wait for so long.
   */
  readonly fetchIntervalMs?: number;
}

const MAX_BYTES_PER_PARTITION = 4 * 1024 * 1024;
const MAX_BYTES = 64 * 1024 * 1024;
/** Long poll of the broker when every partition that is being read is asked for. */
const MAX_WAIT_MS = 250;
/** Long poll while some partition is busy with what it has, so that its next fetch does not queue behind it. */
const MAX_WAIT_WHILE_BUSY_MS = 20;
/** Ranges are read one after the other, as in a restore: for so long after one has begun, the next one must not queue either. */
const SETTLING_MS = 500;
const RETRY_DELAY_MS = 200;
const METADATA_ATTEMPTS = 5;
const CLOSE_DEADLINE_MS = 1_000;
const LEADERLESS_LIMIT_MS = 60_000;

const OFFSET_OUT_OF_RANGE = 1;
/** Leader moved, or not there yet: new metadata helps. Kafka error codes 3, 5, 6, 9, 56, 74, 75, 76 and 100. */
const STALE_LEADER = new Set([3, 5, 6, 9, 56, 74, 75, 76, 100]);
/** The broker does not know the topic, or knows another one of that name. */
const TOPIC_GONE = new Set([3, 100]);

/** The connections to one broker, which send any request. Part of every kafkajs broker, in no version of its types. */
interface BrokerConnections {
  readonly connectionPool: { send<Response>(request: ProtocolRequest<Response>): Promise<Response> };
}

/** Connects a reader. @throws KafkaClientError `CLICKSTREAM_KAFKA_UNREACHABLE` */
export async function createPartitionReader(options: PartitionReaderOptions): Promise<PartitionReader> {
  const reader = new ClusterReader(options);
  await reader.connect();
  return reader;
}

/** One range being read: where it stands, and at most one batch fetched ahead. */
class Stream {
  readonly topic: string;
  readonly partition: number;
  readonly end: bigint | undefined;
  position: bigint;
  leader: string | undefined;
  failingSince: number | undefined;
  /** Whether a broker has said that it does not know the topic. */
  wasGone = false;
  #ahead: FetchedBatch | undefined;
  #failure: Error | undefined;
  #wake: (() => void) | undefined;

  constructor({ topic, partition, from, to }: PartitionRange) {
    this.topic = topic;
    this.partition = partition;
    this.position = from;
    this.end = to;
  }

  get wantsMore(): boolean {
    return !this.#ahead && !this.#failure && !this.isAtEnd;
  }

  get isAtEnd(): boolean {
    return this.end !== undefined && this.position >= this.end;
  }

  put(batch: FetchedBatch): void {
    this.failingSince = undefined;
    this.position = batch.nextOffset;
    this.#ahead = batch;
    this.#wake?.();
  }

  fail(error: Error): void {
    this.#failure = error;
    this.#wake?.();
  }

  /** The batch fetched ahead, once there is one; undefined at the end of the range or when `isOver` says so. */
  async take(isOver: () => boolean): Promise<FetchedBatch | undefined> {
    for (;;) {
      const batch = this.#ahead;
      this.#ahead = undefined;
      if (isOver()) return undefined;
      if (batch) return batch;
      if (this.#failure) throw this.#failure;
      if (this.isAtEnd) return undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = undefined;
    }
  }

  wake(): void {
    this.#wake?.();
  }
}

/** The fetching from one broker. */
interface FetchLoop {
  /** Set while it waits for some stream to want more: it asks for nothing, so that no answer is due. */
  wake: (() => void) | undefined;
  done: Promise<void>;
}

class ClusterReader implements PartitionReader {
  readonly #log: Logger;
  readonly #brokers: string;
  readonly #isolation: 'read_committed' | 'read_uncommitted';
  readonly #cluster: PartitionCluster;
  readonly #streams = new Set<Stream>();
  /** Running fetch loops by broker id, each with a way to wake it when a stream wants more. */
  readonly #loops = new Map<string, FetchLoop>();
  readonly #maxBytesPerPartition: number;
  readonly #fetchIntervalMs: number;
  #lastAnswerAt = 0;
  #lastBegunAt = -Infinity;
  #closed = false;

  constructor({
    connection,
    log,
    isolation = 'read_committed',
    maxBytesPerPartition = MAX_BYTES_PER_PARTITION,
    fetchIntervalMs = 0,
  }: PartitionReaderOptions) {
    this.#maxBytesPerPartition = maxBytesPerPartition;
    this.#fetchIntervalMs = fetchIntervalMs;
    this.#log = log;
    this.#brokers = connection.brokers.join(',');
    this.#isolation = isolation;
    this.#cluster = createKafkajs(connection, log).cluster({
      isolationLevel: isolation === 'read_committed' ? 1 : 0,
      allowAutoTopicCreation: false,
    });
  }

  async connect(): Promise<void> {
    try {
      await this.#cluster.connect();
    } catch (error) {
      throw new KafkaClientError(
        'CLICKSTREAM_KAFKA_UNREACHABLE',
        `cannot reach Kafka at ${this.#brokers}: ${describeError(error)}`,
        { cause: error },
      );
    }
  }

  async partitionCount(topic: string): Promise<number> {
    try {
      await this.#cluster.addTargetTopic(topic);
    } catch (error) {
      throw new KafkaClientError(
        topicRefusal(error) ?? 'CLICKSTREAM_KAFKA_UNREACHABLE',
        `reading topic ${topic}: ${describeError(error)}`,
        { cause: error, topic },
      );
    }
    // kafkajs lets a refresh that is under way answer for a topic that was added after it began, and does not ask for
    // that topic again. No partitions here would read as an empty topic, and an empty topic as nothing counted yet.
    for (let attempt = 0; attempt < METADATA_ATTEMPTS; attempt++) {
      const count = this.#cluster.findTopicPartitionMetadata(topic).length;
      if (count > 0) return count;
      await this.#refreshMetadata();
    }
    throw new KafkaClientError('CLICKSTREAM_KAFKA_TOPIC_MISSING', `no broker knows topic ${topic}`, {
      topic,
    });
  }

  async logBounds(topic: string, partition: number): Promise<{ start: bigint; end: bigint }> {
    if (partition >= (await this.partitionCount(topic)))
      throw new KafkaClientError(
        'CLICKSTREAM_KAFKA_TOPIC_MISSING',
        `topic ${topic} has no partition ${partition}`,
        { topic, partition },
      );
    const [start = -1n] = await this.#offsets(topic, { fromBeginning: true }, [partition]);
    const [end = -1n] = await this.#offsets(topic, { fromBeginning: false }, [partition]);
    return { start, end };
  }

  startOffsets(topic: string): Promise<bigint[]> {
    return this.#offsets(topic, { fromBeginning: true });
  }

  endOffsets(topic: string): Promise<bigint[]> {
    return this.#offsets(topic, { fromBeginning: false });
  }

  async offsetsAtTime(topic: string, timestampMs: number): Promise<bigint[]> {
    const ends = await this.endOffsets(topic);
    const offsets = await this.#offsets(topic, { fromTimestamp: timestampMs });
    return offsets.map((offset, partition) => (offset < 0n ? (ends[partition] ?? 0n) : offset));
  }

  async #offsets(
    topic: string,
    at: { fromBeginning: boolean } | { fromTimestamp: number },
    asked?: readonly number[],
  ): Promise<bigint[]> {
    const ids =
      asked ?? Array.from({ length: await this.partitionCount(topic) }, (_, partition) => partition);
    const partitions = ids.map((partition) => ({ partition }));
    for (const startedAt = performance.now(); ;) {
      try {
        const [found] = await this.#cluster.fetchTopicsOffset([{ topic, partitions, ...at }]);
        const known = new Map(found?.partitions.map(({ partition, offset }) => [partition, BigInt(offset)]));
        const offsets = ids.map((partition) => known.get(partition) ?? -1n);
        // kafkajs leaves out what its metadata does not know; only a time may have no offset.
        if ('fromBeginning' in at && offsets.includes(-1n))
          throw new Error(`no offset of partition ${String(ids[offsets.indexOf(-1n)])}`);
        return offsets;
      } catch (error) {
        if (performance.now() - startedAt > LEADERLESS_LIMIT_MS) throw this.#unreachable({ topic }, error);
        await delay(RETRY_DELAY_MS);
        await this.#refreshMetadata();
      }
    }
  }

  async *read(range: PartitionRange, signal?: AbortSignal): AsyncGenerator<FetchedBatch, void> {
    const { topic, partition } = range;
    const count = await this.partitionCount(topic);
    if (partition >= count)
      throw new KafkaClientError(
        'CLICKSTREAM_KAFKA_TOPIC_MISSING',
        `topic ${topic} has ${count} partitions: there is no partition ${partition}`,
        { topic, partition },
      );
    const stream = new Stream(range);
    const isOver = () => this.#closed || signal?.aborted === true;
    const wake = () => {
      stream.wake();
    };
    signal?.addEventListener('abort', wake);
    this.#streams.add(stream);
    this.#lastBegunAt = performance.now();
    try {
      for (;;) {
        this.#ensureFetching(stream);
        const batch = await stream.take(isOver);
        if (!batch) return;
        this.#ensureFetching(stream);
        yield batch;
      }
    } finally {
      this.#streams.delete(stream);
      if (stream.leader !== undefined) this.#loops.get(stream.leader)?.wake?.();
      signal?.removeEventListener('abort', wake);
    }
  }

  silenceMs(): number {
    const isAsking = [...this.#loops.values()].some(({ wake }) => wake === undefined);
    return isAsking ? performance.now() - this.#lastAnswerAt : 0;
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const stream of this.#streams) stream.wake();
    for (const loop of this.#loops.values()) loop.wake?.();
    // A loop that looks for its broker goes on for some seconds, and connects again if it finds it.
    const ended = [...this.#loops.values()].map(({ done }) => done);
    void Promise.all(ended).then(() => this.#disconnect());
    await within(CLOSE_DEADLINE_MS, Promise.all([this.#disconnect(), ...ended]));
  }

  async #disconnect(): Promise<void> {
    await this.#cluster.disconnect().catch(() => undefined);
  }

  /** Sees to it that the loop of the stream's leader runs and knows of the stream. */
  #ensureFetching(stream: Stream): void {
    if (this.#closed || !stream.wantsMore) return;
    stream.leader ??= this.#leaderOf(stream);
    const { leader } = stream;
    if (leader === undefined) {
      void this.#findLeaderLater(stream);
      return;
    }
    const running = this.#loops.get(leader);
    if (running) {
      running.wake?.();
      return;
    }
    this.#lastAnswerAt = performance.now();
    const loop: FetchLoop = { wake: undefined, done: Promise.resolve() };
    this.#loops.set(leader, loop);
    loop.done = this.#fetchLoop(leader, loop);
  }

  /** Fetches from one broker for as long as some stream has it as its leader. */
  async #fetchLoop(leader: string, loop: FetchLoop): Promise<void> {
    // What is worked on is asked for again as soon as it is taken, so a loop with nothing to ask waits.
    for (let turn = 0; !this.#closed; turn++) {
      const streams = [...this.#streams].filter((stream) => stream.leader === leader && !stream.isAtEnd);
      if (streams.length === 0) break;
      const wanting = streams.filter((stream) => stream.wantsMore);
      if (wanting.length === 0) {
        await new Promise<void>((resolve) => {
          loop.wake = resolve;
        });
        loop.wake = undefined;
        this.#lastAnswerAt = performance.now();
        continue;
      }
      // The broker fills the response in request order and only the first partition is sure to fit: take turns.
      const asked = [...wanting.slice(turn % wanting.length), ...wanting.slice(0, turn % wanting.length)];
      const startedAt = performance.now();
      const isBehind = await this.#fetch(leader, asked, asked.length < streams.length);
      if (isBehind) continue;
      const earlyMs = startedAt + this.#fetchIntervalMs - performance.now();
      if (earlyMs > 0) await delay(earlyMs);
    }
    // Not in a callback, which would run later: a stream that begins in between would count on this loop.
    this.#loops.delete(leader);
  }

  /** Returns whether there is more to be fetched at once. */
  async #fetch(leader: string, wanting: readonly Stream[], othersAreBusy: boolean): Promise<boolean> {
    // A request names a partition once: streams of it that stand at the same offset share the answer, others wait
    // their turn. A position may move only by what was fetched at it; it cannot change while the request is under way.
    const byPartition = new Map<string, [Stream, ...Stream[]]>();
    for (const stream of wanting) {
      const place = `${stream.topic}/${stream.partition}`;
      const sharing = byPartition.get(place);
      if (!sharing) byPartition.set(place, [stream]);
      else if (sharing[0].position === stream.position) sharing.push(stream);
    }
    const asked = [...byPartition.values()].flat();
    const isSettling = performance.now() - this.#lastBegunAt < SETTLING_MS;
    const othersWait = othersAreBusy || asked.length < wanting.length || isSettling;
    let responses: PartitionResponse[];
    try {
      const broker = (await this.#cluster.findBroker({ nodeId: leader })) as PartitionBroker &
        BrokerConnections;
      responses = await broker.connectionPool.send(
        fetchRequest(
          [...byPartition.values()].map(([{ topic, partition, position }]) => ({
            topic,
            partition,
            fetchOffset: position,
          })),
          {
            maxWaitMs: othersWait ? MAX_WAIT_WHILE_BUSY_MS : MAX_WAIT_MS,
            maxBytes: MAX_BYTES,
            maxBytesPerPartition: this.#maxBytesPerPartition,
            isolation: this.#isolation,
          },
        ),
      );
      this.#lastAnswerAt = performance.now();
    } catch (error) {
      if (this.#closed) return false;
      this.#log.debug({ err: error, leader }, 'fetching failed, trying again');
      await this.#retryLater(asked, error);
      return false;
    }

    let isBehind = false;
    const leaderless: Stream[] = [];
    const unanswered = new Set(asked);
    for (const response of responses) {
      for (const stream of byPartition.get(`${response.topic}/${response.partition}`) ?? []) {
        unanswered.delete(stream);
        if (TOPIC_GONE.has(response.errorCode)) stream.wasGone = true;
        if (STALE_LEADER.has(response.errorCode)) leaderless.push(stream);
        else await this.#answer(stream, response);
        if (stream.position < response.lastStableOffset) isBehind = true;
      }
    }
    leaderless.push(...unanswered);
    if (leaderless.length > 0)
      await this.#retryLater(leaderless, new Error('the partition has no leader here'));
    return isBehind;
  }

  async #answer(stream: Stream, response: PartitionResponse): Promise<void> {
    const { topic, partition, position, end } = stream;
    try {
      // The same offsets of a topic made anew are other records: whoever reads has to look where it stands.
      if (stream.wasGone)
        throw new KafkaClientError(
          'CLICKSTREAM_KAFKA_STALLED',
          `topic ${topic} was away for a while: it may have been deleted and made anew`,
          { topic, partition, offset: position },
        );
      if (response.errorCode === OFFSET_OUT_OF_RANGE) throw await this.#outOfRange(stream);
      if (response.errorCode !== 0)
        throw new KafkaClientError(
          'CLICKSTREAM_KAFKA_UNREADABLE_RECORDS',
          `fetching ${topic} [${partition}] at offset ${position}: Kafka error ${response.errorCode}`,
          { topic, partition, offset: position },
        );
      stream.put(createFetchedBatch(response, position, end));
    } catch (error) {
      stream.fail(error instanceof Error ? error : new Error(describeError(error)));
    }
  }

  /** The broker's answer does not say what the log does hold. */
  async #outOfRange({ topic, partition, position }: Stream): Promise<KafkaClientError> {
    const [starts, ends] = await Promise.all([this.startOffsets(topic), this.endOffsets(topic)]);
    return new KafkaClientError(
      'CLICKSTREAM_KAFKA_OFFSET_OUT_OF_RANGE',
      `${topic} [${partition}] does not hold offset ${position} (its log starts at ${starts[partition]} and ends at ${ends[partition]})`,
      { topic, partition, offset: position },
    );
  }

  async #retryLater(streams: readonly Stream[], cause: unknown): Promise<void> {
    await delay(RETRY_DELAY_MS);
    if (this.#closed) return;
    await this.#refreshMetadata();
    for (const stream of streams) {
      stream.failingSince ??= performance.now();
      if (performance.now() - stream.failingSince > LEADERLESS_LIMIT_MS) {
        stream.fail(this.#unreachable(stream, cause));
        continue;
      }
      const leader = this.#leaderOf(stream);
      if (leader === stream.leader) continue;
      stream.leader = leader;
      this.#ensureFetching(stream);
    }
  }

  async #findLeaderLater(stream: Stream): Promise<void> {
    while (!this.#closed && this.#streams.has(stream) && stream.leader === undefined && stream.wantsMore)
      await this.#retryLater([stream], new Error('the partition has no leader'));
  }

  #leaderOf({ topic, partition }: Stream): string | undefined {
    try {
      return Object.keys(this.#cluster.findLeaderForPartitions(topic, [partition])).find((id) => id !== '-1');
    } catch {
      return undefined;
    }
  }

  async #refreshMetadata(): Promise<void> {
    await this.#cluster.refreshMetadata().catch((error: unknown) => {
      this.#log.debug({ err: error }, 'refreshing metadata failed, trying again');
    });
  }

  #unreachable(
    { topic, partition }: { topic: string; partition?: number },
    cause: unknown,
  ): KafkaClientError {
    return new KafkaClientError(
      'CLICKSTREAM_KAFKA_UNREACHABLE',
      `no answer from the leader of ${topic}${partition === undefined ? '' : ` [${partition}]`} at ${this.#brokers} for ${LEADERLESS_LIMIT_MS / 1000} s: ${describeError(cause)}`,
      { cause, topic, ...(partition !== undefined && { partition }) },
    );
  }
}
