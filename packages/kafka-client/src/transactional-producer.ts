import kafkajs, { type Producer, type Transaction } from '#kafkajs';
import type { KafkaConnection } from './connection.ts';
import { KafkaClientError } from './error.ts';
import { createKafkajs } from './kafkajs-client.ts';
import type { Logger } from './logger.ts';
import type { OutgoingRecord } from './record-producer.ts';
import { recordBytes } from './record-bytes.ts';

/** A record for one given partition. */
export interface PlacedRecord extends OutgoingRecord {
  readonly partition: number;
}

/** Partitions of one topic. */
export interface TopicPartitions {
  readonly topic: string;
  readonly partitions: number[];
}

/** The next offset to read of one partition, for the group's offsets. */
export interface InputPosition {
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
}

/** Most bytes of one partition in one request: one over `max.message.bytes` would be refused for ever. */
const MAX_REQUEST_BYTES = 900 * 1024;
/** Most records in one request, so that no request blocks the process for long. */
const MAX_REQUEST_RECORDS = 20_000;
const TRANSACTION_TIMEOUT_MS = 30_000;
const SEND_TIMEOUT_MS = 8_000;

/**
 * The one kafkajs producer object of a task. Whoever holds it after an error of any kind drops it and fences anew:
 * its sequence numbers are unknown then, and kafkajs would lose what is sent next.
 */
export class TransactionalProducer {
  readonly #producer: Producer;
  #transaction: Transaction | undefined;

  private constructor(producer: Producer) {
    this.#producer = producer;
  }

  /**
   * Takes over a transactional id: whoever had it can commit nothing any more, and an open transaction of theirs
   * is aborted before this resolves.
   */
  static async fence(
    connection: KafkaConnection,
    log: Logger,
    transactionalId: string,
  ): Promise<TransactionalProducer> {
    const producer = createKafkajs(connection, log).producer({
      transactionalId,
      idempotent: true,
      maxInFlightRequests: 1,
      transactionTimeout: TRANSACTION_TIMEOUT_MS,
      allowAutoTopicCreation: false,
      createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
      retry: { initialRetryTime: 30, multiplier: 1.5, maxRetryTime: 1_000, retries: 20 },
    });
    try {
      await producer.connect();
      await (await producer.transaction()).abort();
      return new TransactionalProducer(producer);
    } catch (error) {
      void producer.disconnect().catch(() => undefined);
      throw error;
    }
  }

  async begin(): Promise<void> {
    this.#transaction = await this.#producer.transaction();
  }

  /**
   * Writes records inside the transaction, in order, one request after another.
   *
   * @param onPart called after each request that is not the last one.
   * @returns the offset of the first record written to each partition, by `topic/partition`.
   */
  async send(records: readonly PlacedRecord[], onPart?: () => void): Promise<Map<string, bigint>> {
    const firstOffsets = new Map<string, bigint>();
    for (let from = 0; from < records.length;) {
      const messagesByTopic = new Map<string, object[]>();
      const bytesByPartition = new Map<string, number>();
      let at = from;
      for (; at < records.length && at - from < MAX_REQUEST_RECORDS; at++) {
        const record = records[at];
        if (!record) break;
        const place = `${record.topic}/${record.partition}`;
        const bytes = (bytesByPartition.get(place) ?? 0) + recordBytes(record);
        if (bytes > MAX_REQUEST_BYTES && at > from) break;
        bytesByPartition.set(place, bytes);
        const { key, value, partition, headers } = record;
        const message = { key, value, partition, ...(headers && { headers }) };
        const messages = messagesByTopic.get(record.topic);
        if (messages) messages.push(message);
        else messagesByTopic.set(record.topic, [message]);
      }
      from = at;
      const acknowledged = await this.#open.sendBatch({
        acks: -1,
        timeout: SEND_TIMEOUT_MS,
        topicMessages: [...messagesByTopic].map(([topic, messages]) => ({
          topic,
          messages: messages as never,
        })),
      });
      for (const { topicName, partition, baseOffset } of acknowledged) {
        const place = `${topicName}/${partition}`;
        if (!firstOffsets.has(place) && baseOffset !== undefined) firstOffsets.set(place, BigInt(baseOffset));
      }
      if (from < records.length) onPart?.();
    }
    return firstOffsets;
  }

  /** Puts the group's offsets into the transaction. */
  async sendOffsets(groupId: string, positions: readonly InputPosition[]): Promise<void> {
    await this.#open.sendOffsets({
      consumerGroupId: groupId,
      topics: positions.map(({ topic, partition, offset }) => ({
        topic,
        partitions: [{ partition, offset: offset.toString() }],
      })),
    });
  }

  async commit(): Promise<void> {
    await this.#open.commit();
    this.#transaction = undefined;
  }

  /**
   * Aborts what earlier transactions of this id have left undecided in any of these partitions; after {@link fence}, and before anything
   * is read. There should be nothing: but while a partition has no leader, as when its one broker was frozen for longer than its session,
   * a coordinator of Kafka 4.3 ends transactions without their markers ("Couldn't find leader endpoint for partitions … likely deleted
   * already"). What is left without one would be decided by the next transaction that writes there.
   */
  async abortLeftOvers(places: readonly TopicPartitions[], groupId: string): Promise<void> {
    const transaction = await this.#producer.transaction();
    await transaction.addPartitions([...places]);
    await transaction.abort();
    // No transaction begins before the markers of the one before are written, and this one leaves its own in the group's offsets.
    await this.assertOwner(groupId);
  }

  /**
   * Makes sure that nobody has taken over the transactional id since {@link fence}, so that what was read since then
   * is nobody else's work. Between transactions only.
   *
   * @throws kafkajs' error when somebody has.
   */
  async assertOwner(groupId: string): Promise<void> {
    const transaction = await this.#producer.transaction();
    // The coordinator compares epochs before it looks at the offsets, of which there are none.
    await transaction.sendOffsets({ consumerGroupId: groupId, topics: [] });
    await transaction.abort();
  }

  /** Closes the connections; an open transaction stays for the next owner's fence to abort. */
  async drop(): Promise<void> {
    await this.#producer.disconnect().catch(() => undefined);
  }

  get #open(): Transaction {
    if (!this.#transaction) throw new KafkaClientError('CLICKSTREAM_KAFKA_CLOSED', 'no transaction is open');
    return this.#transaction;
  }
}
