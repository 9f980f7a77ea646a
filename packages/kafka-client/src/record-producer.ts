import kafkajs, { type Producer, type RecordMetadata } from '#kafkajs';
import type { KafkaConnection } from './connection.ts';
import { describeError, KafkaClientError } from './error.ts';
import { createKafkajs } from './kafkajs-client.ts';
import type { Logger } from './logger.ts';
import { homePartition } from './placement.ts';
import { recordBytes } from './record-bytes.ts';
import { topicRefusal } from './topic-refusal.ts';
import { within } from './within.ts';

/** A record to be written. */
export interface OutgoingRecord {
  readonly topic: string;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers?: Readonly<Record<string, Buffer | string | (Buffer | string)[]>>;
  /** Where to put it; without it, the key's home (murmur2), or partitions in turn for a null key. */
  readonly partition?: number;
}

/** What became of a record: acknowledged by all in-sync replicas, or not known to be written. */
export type DeliveryReport =
  | {
      readonly status: 'delivered';
      readonly topic: string;
      readonly partition: number;
      /** -1 when the broker acknowledged a repeated send without saying where it stands. */
      readonly offset: bigint;
      /** From being handed over to being acknowledged, ms. */
      readonly latencyMs: number;
    }
  | {
      readonly status: 'failed';
      readonly topic: string;
      readonly partition: number;
      readonly error: KafkaClientError;
    };

/** Writes records in batches, each acknowledged by all in-sync replicas and reported on. */
export interface RecordProducer {
  /**
   * Takes a record into the buffer. `onDelivery` is called exactly once for each record taken, in order
   * within a partition, also when writing it failed; it must not throw.
   *
   * @returns false when the buffer is full now: the record *was* taken, but wait for `whenWritable()` before
   * the next one.
   * @throws KafkaClientError `CLICKSTREAM_KAFKA_CLOSED` after `close()`.
   */
  write(record: OutgoingRecord, onDelivery: (report: DeliveryReport) => void): boolean;
  /** Resolves as soon as the buffer has room. */
  whenWritable(): Promise<void>;
  /** {@link write} and wait for the report. @throws KafkaClientError when it was not delivered. */
  send(record: OutgoingRecord): Promise<Extract<DeliveryReport, { status: 'delivered' }>>;
  /** Resolves when every record taken so far was reported on. */
  flush(): Promise<void>;
  /** Flushes for at most `deadlineMs`, reports what is left as failed, and disconnects. */
  close(deadlineMs?: number): Promise<void>;
}

export interface RecordProducerOptions {
  readonly connection: KafkaConnection;
  readonly log: Logger;
  /** How long a record may wait for others to join its batch, ms. Default 5; under load batches fill by themselves. */
  readonly lingerMs?: number;
  /** Most records in one request. Default 4,000. */
  readonly maxBatchRecords?: number;
  /** Most bytes of one partition in one request, which the broker's `max.message.bytes` bounds. Default 900 KB. */
  readonly maxBatchBytes?: number;
  /** Buffer limits: records and bytes not yet acknowledged. Default 50,000 and 64 MB. */
  readonly maxBufferedRecords?: number;
  readonly maxBufferedBytes?: number;
}

const CLOSE_DEADLINE_MS = 8_000;
const DISCONNECT_DEADLINE_MS = 1_000;
const SEND_TIMEOUT_MS = 8_000;
/**
 * 13 s to connect, which a send to a broker that is gone goes through once or twice: a restart of the broker takes 5 s,
 * and more on a busy machine.
 */
const CONNECT_RETRIES = 10;

interface Pending {
  readonly record: OutgoingRecord;
  readonly partition: number;
  readonly bytes: number;
  readonly writtenAt: number;
  readonly onDelivery: (report: DeliveryReport) => void;
}

/**
 * Connects a producer for the given topics, which must exist.
 *
 * One kafkajs producer object, idempotent, with one send in flight: with two, one lost response makes kafkajs
 * lose a record that was acknowledged. A send that failed for good leaves the object's sequence numbers unknown,
 * so it is dropped and the next send starts with a new one.
 *
 * @throws KafkaClientError `CLICKSTREAM_KAFKA_TOPIC_MISSING`, `…_AUTHORIZATION` or `…_UNREACHABLE`
 */
export async function createRecordProducer(
  topics: readonly string[],
  options: RecordProducerOptions,
): Promise<RecordProducer> {
  const admin = createKafkajs(options.connection, options.log).admin();
  try {
    await admin.connect();
    const { topics: found } = await admin.fetchTopicMetadata({ topics: [...topics] });
    const lane = new ProducerLane(
      new Map(found.map(({ name, partitions }) => [name, partitions.length])),
      options,
    );
    await lane.connect();
    return lane;
  } catch (error) {
    throw new KafkaClientError(
      topicRefusal(error) ?? 'CLICKSTREAM_KAFKA_UNREACHABLE',
      `connecting a producer for ${topics.join(', ')}: ${describeError(error)}`,
      { cause: error },
    );
  } finally {
    await admin.disconnect().catch(() => undefined);
  }
}

class ProducerLane implements RecordProducer {
  readonly #partitionCounts: ReadonlyMap<string, number>;
  readonly #connection: KafkaConnection;
  readonly #log: Logger;
  readonly #lingerMs: number;
  readonly #maxBatchRecords: number;
  readonly #maxBatchBytes: number;
  readonly #maxBufferedRecords: number;
  readonly #maxBufferedBytes: number;

  #producer: Producer | undefined;
  /** Records not yet sent, from `#head` on. */
  #queue: Pending[] = [];
  #head = 0;
  #bufferedRecords = 0;
  #bufferedBytes = 0;
  #sending = false;
  /** The batch being sent, unless `close` has given it up. */
  #inFlight: readonly Pending[] = [];
  #linger: NodeJS.Timeout | undefined;
  #nextPartition = 0;
  #closed = false;
  #waitingForRoom: (() => void)[] = [];
  #waitingForFlush: (() => void)[] = [];

  constructor(partitionCounts: ReadonlyMap<string, number>, options: RecordProducerOptions) {
    this.#partitionCounts = partitionCounts;
    this.#connection = options.connection;
    this.#log = options.log;
    this.#lingerMs = options.lingerMs ?? 5;
    this.#maxBatchRecords = options.maxBatchRecords ?? 4_000;
    this.#maxBatchBytes = options.maxBatchBytes ?? 900 * 1024;
    this.#maxBufferedRecords = options.maxBufferedRecords ?? 50_000;
    this.#maxBufferedBytes = options.maxBufferedBytes ?? 64 * 1024 * 1024;
  }

  async connect(): Promise<Producer> {
    const producer = createKafkajs(this.#connection, this.#log, CONNECT_RETRIES).producer({
      idempotent: true,
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
      createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
      retry: { initialRetryTime: 100, maxRetryTime: 2_000, retries: 15 },
    });
    this.#producer = producer;
    await producer.connect();
    return producer;
  }

  write(record: OutgoingRecord, onDelivery: (report: DeliveryReport) => void): boolean {
    if (this.#closed) throw new KafkaClientError('CLICKSTREAM_KAFKA_CLOSED', 'the producer is closed');
    const partition = record.partition ?? this.#place(record);
    const bytes = recordBytes(record);
    if (bytes > this.#maxBatchBytes) {
      const error = new KafkaClientError(
        'CLICKSTREAM_KAFKA_RECORD_TOO_LARGE',
        `a record of ${bytes} bytes for ${record.topic} is over the limit of ${this.#maxBatchBytes} bytes`,
        { topic: record.topic, partition },
      );
      queueMicrotask(() => {
        onDelivery({ status: 'failed', topic: record.topic, partition, error });
      });
      return true;
    }
    this.#queue.push({ record, partition, bytes, writtenAt: performance.now(), onDelivery });
    this.#bufferedRecords++;
    this.#bufferedBytes += bytes;
    if (!this.#sending) {
      if (this.#queue.length - this.#head >= this.#maxBatchRecords || this.#lingerMs === 0)
        this.#startSending();
      else
        this.#linger ??= setTimeout(() => {
          this.#startSending();
        }, this.#lingerMs);
    }
    return this.#hasRoom;
  }

  whenWritable(): Promise<void> {
    if (this.#hasRoom) return Promise.resolve();
    return new Promise((resolve) => this.#waitingForRoom.push(resolve));
  }

  send(record: OutgoingRecord): Promise<Extract<DeliveryReport, { status: 'delivered' }>> {
    return new Promise((resolve, reject) => {
      this.write(record, (report) => {
        if (report.status === 'delivered') resolve(report);
        else reject(report.error);
      });
    });
  }

  flush(): Promise<void> {
    if (this.#bufferedRecords === 0) return Promise.resolve();
    if (!this.#sending) this.#startSending();
    return new Promise((resolve) => this.#waitingForFlush.push(resolve));
  }

  async close(deadlineMs: number = CLOSE_DEADLINE_MS): Promise<void> {
    this.#closed = true;
    await within(deadlineMs, this.flush());
    clearTimeout(this.#linger);
    const left = [...this.#inFlight, ...this.#queue.slice(this.#head)];
    this.#inFlight = [];
    this.#head = this.#queue.length;
    if (left.length > 0)
      this.#reportFailure(
        left,
        new KafkaClientError('CLICKSTREAM_KAFKA_CLOSED', 'closed before it was acknowledged'),
      );
    // With a broker that does not answer, this takes a request time-out.
    await within(
      DISCONNECT_DEADLINE_MS,
      this.#producer?.disconnect().catch(() => undefined),
    );
  }

  get #hasRoom(): boolean {
    return this.#bufferedRecords < this.#maxBufferedRecords && this.#bufferedBytes < this.#maxBufferedBytes;
  }

  #place({ topic, key }: OutgoingRecord): number {
    const partitions = this.#partitionCounts.get(topic);
    if (partitions === undefined)
      throw new KafkaClientError(
        'CLICKSTREAM_KAFKA_TOPIC_MISSING',
        `the producer was not made for topic ${topic}`,
        {
          topic,
        },
      );
    return key === null ? this.#nextPartition++ % partitions : homePartition(key, partitions);
  }

  #startSending(): void {
    clearTimeout(this.#linger);
    this.#linger = undefined;
    this.#sending = true;
    void this.#sendAll();
  }

  async #sendAll(): Promise<void> {
    while (this.#head < this.#queue.length) await this.#sendOne(this.#takeBatch());
    this.#sending = false;
  }

  /** The next records in order, up to the limits of one request. */
  #takeBatch(): Pending[] {
    const start = this.#head;
    const bytesByPartition = new Map<string, number>();
    let end = start;
    for (; end < this.#queue.length && end - start < this.#maxBatchRecords; end++) {
      const pending = this.#queue[end];
      if (!pending) break;
      const place = `${pending.record.topic}/${pending.partition}`;
      const bytes = (bytesByPartition.get(place) ?? 0) + pending.bytes;
      if (bytes > this.#maxBatchBytes) break;
      bytesByPartition.set(place, bytes);
    }
    const batch = this.#queue.slice(start, end);
    this.#head = end;
    if (this.#head >= this.#queue.length) {
      this.#queue = [];
      this.#head = 0;
    } else if (this.#head > this.#maxBufferedRecords) {
      this.#queue = this.#queue.slice(this.#head);
      this.#head = 0;
    }
    return batch;
  }

  async #sendOne(batch: readonly Pending[]): Promise<void> {
    const messagesByTopic = new Map<string, object[]>();
    for (const { record, partition } of batch) {
      const message = {
        key: record.key,
        value: record.value,
        partition,
        ...(record.headers && { headers: record.headers }),
      };
      const messages = messagesByTopic.get(record.topic);
      if (messages) messages.push(message);
      else messagesByTopic.set(record.topic, [message]);
    }
    this.#inFlight = batch;
    const isGivenUp = () => this.#inFlight !== batch;
    let acknowledged: RecordMetadata[];
    try {
      const producer = this.#producer ?? (await this.connect());
      acknowledged = await producer.sendBatch({
        acks: -1,
        timeout: SEND_TIMEOUT_MS,
        topicMessages: [...messagesByTopic].map(([topic, messages]) => ({
          topic,
          messages: messages as never,
        })),
      });
    } catch (error) {
      this.#retire();
      if (isGivenUp()) return;
      this.#inFlight = [];
      this.#reportFailure(
        batch,
        new KafkaClientError('CLICKSTREAM_KAFKA_SEND_FAILED', `not acknowledged: ${describeError(error)}`, {
          cause: error,
        }),
      );
      return;
    }
    if (isGivenUp()) {
      this.#retire();
      return;
    }
    this.#inFlight = [];
    this.#reportDelivery(batch, acknowledged);
  }

  #retire(): void {
    const retired = this.#producer;
    this.#producer = undefined;
    void retired?.disconnect().catch(() => undefined);
  }

  #reportDelivery(batch: readonly Pending[], acknowledged: readonly RecordMetadata[]): void {
    const now = performance.now();
    const nextOffsets = new Map(
      acknowledged.map(({ topicName, partition, baseOffset }) => [
        `${topicName}/${partition}`,
        BigInt(baseOffset ?? -1),
      ]),
    );
    for (const { record, partition, writtenAt, onDelivery } of batch) {
      const place = `${record.topic}/${partition}`;
      const offset = nextOffsets.get(place) ?? -1n;
      // -1: a repeated send that the broker knew already, but no longer where it stands.
      if (offset >= 0n) nextOffsets.set(place, offset + 1n);
      onDelivery({ status: 'delivered', topic: record.topic, partition, offset, latencyMs: now - writtenAt });
    }
    this.#release(batch);
  }

  #reportFailure(batch: readonly Pending[], error: KafkaClientError): void {
    for (const { record, partition, onDelivery } of batch)
      onDelivery({ status: 'failed', topic: record.topic, partition, error });
    this.#release(batch);
  }

  #release(batch: readonly Pending[]): void {
    this.#bufferedRecords -= batch.length;
    for (const { bytes } of batch) this.#bufferedBytes -= bytes;
    if (this.#hasRoom) for (const resolve of this.#waitingForRoom.splice(0)) resolve();
    if (this.#bufferedRecords === 0) for (const resolve of this.#waitingForFlush.splice(0)) resolve();
  }
}
