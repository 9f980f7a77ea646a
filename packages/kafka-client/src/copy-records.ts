import kafkajs from '#kafkajs';
import type { KafkaConnection } from './connection.ts';
import { describeError, KafkaClientError } from './error.ts';
import type { RecordCursor } from './fetched-batch.ts';
import { readGroupOffsets } from './group-offsets.ts';
import { createKafkajs } from './kafkajs-client.ts';
import type { Logger } from './logger.ts';
import type { PartitionReader } from './partition-reader.ts';
import { recordBytes } from './record-bytes.ts';
import { topicRefusal } from './topic-refusal.ts';
import { TransactionalProducer, type PlacedRecord } from './transactional-producer.ts';

export interface CopyRecordsOptions {
  readonly connection: KafkaConnection;
  readonly log: Logger;
  /** Of committed records. */
  readonly reader: PartitionReader;
  /** Consumer group and transactional id in one: a copy goes on where the last one of this id has stopped. */
  readonly id: string;
  /** The topic to read. */
  readonly topic: string;
  /** How far, per partition: the offset after the last record. */
  readonly ends: readonly bigint[];
  /**
   * The record to write for one that was read; undefined to pass over it. Called in offset order within a partition,
   * and again in a later copy for what was not committed.
   */
  readonly map: (record: RecordCursor, partition: number) => PlacedRecord | undefined;
  /** Copies also what may have been copied before the broker forgot the group's offsets. */
  readonly acceptRepetition?: boolean;
  /** Told of each transaction that wrote records: how many, and whether they are known to be committed. */
  readonly onTransaction?: (outcome: 'committed' | 'failed', records: number) => void;
  /** Ends the copy after the transaction that is open, if any. */
  readonly signal: AbortSignal;
}

/** Most records and bytes of one transaction, give or take one record: well within its time-out. */
const TRANSACTION_MAX_RECORDS = 5_000;
const TRANSACTION_MAX_BYTES = 4 * 1024 * 1024;
const OFFSETS_RETENTION = 'offsets.retention.minutes';
const DEFAULT_OFFSETS_RETENTION_MS = 7 * 24 * 3_600_000;
const MINUTE_MS = 60_000;

/**
 * Copies records from one topic to others exactly once, however often it is run and wherever it is killed. In order:
 *
 * 1. **Fence**: take over the transactional id, which ends a copy that still runs and aborts what it left open.
 * 2. **Position**: read the group's offsets, which nobody else can move any more.
 * 3. **Send** the records of a transaction, then the group's **offsets** after them, and **commit** both together.
 *
 * A crash before the commit has reached the broker leaves nothing that a reader of committed records sees; after it,
 * the offsets say so. The last transaction carries the offsets of every partition, so that they age together.
 *
 * @throws KafkaClientError `CLICKSTREAM_KAFKA_REPLACED` when another copy of this id has begun, `…_REFUSED` when the
 * group's offsets do not belong to this topic, or may have been forgotten by the broker, `…_SEND_FAILED` and
 * `…_UNREACHABLE` when the broker does not take part: run it again.
 */
export async function copyRecords(options: CopyRecordsOptions): Promise<void> {
  const producer = await fence(options);
  try {
    await new Copy(options, producer).run();
  } finally {
    await producer.drop();
  }
}

async function fence({ connection, log, id }: CopyRecordsOptions): Promise<TransactionalProducer> {
  try {
    return await TransactionalProducer.fence(connection, log, id);
  } catch (error) {
    throw new KafkaClientError(
      topicRefusal(error) ?? 'CLICKSTREAM_KAFKA_UNREACHABLE',
      `taking over transactional id ${id}: ${describeError(error)}`,
      { cause: error },
    );
  }
}

class Copy {
  readonly #options: CopyRecordsOptions;
  readonly #producer: TransactionalProducer;
  /** Where the next copy goes on, by partition. */
  readonly #positions: bigint[] = [];
  #records: PlacedRecord[] = [];
  #bytes = 0;

  constructor(options: CopyRecordsOptions, producer: TransactionalProducer) {
    this.#options = options;
    this.#producer = producer;
  }

  async run(): Promise<void> {
    const { connection, log, reader, id, topic, ends, signal } = this.#options;
    const committed = (await readGroupOffsets(connection, log, id, [topic])).get(topic);
    const starts = await reader.startOffsets(topic);
    const ownEnds = await reader.endOffsets(topic);
    for (const partition of ends.keys()) {
      const [start = 0n, end = 0n] = [starts[partition], ownEnds[partition]];
      this.#positions[partition] = this.#positionOf(partition, committed?.get(partition), start, end);
    }
    const forgottenBefore =
      committed?.size === ends.length || this.#options.acceptRepetition
        ? -Infinity
        : Date.now() - (await offsetsRetentionMs(connection, log));
    for (const [partition, to] of ends.entries()) {
      const mayBeForgotten = committed?.has(partition) !== true;
      await this.#copyPartition(partition, to, mayBeForgotten ? forgottenBefore : -Infinity);
      if (signal.aborted) return;
    }
    await this.#commit();
  }

  #positionOf(partition: number, committed: bigint | undefined, start: bigint, end: bigint): bigint {
    const { log, id, topic } = this.#options;
    if (committed === undefined) return start;
    if (committed > end)
      throw new KafkaClientError(
        'CLICKSTREAM_KAFKA_REFUSED',
        `group ${id} stands at offset ${committed} of ${topic} [${partition}], which ends at ${end}: the topic was made anew. Delete the group: kafka-consumer-groups --bootstrap-server … --delete --group ${id}`,
        { topic, partition, offset: committed },
      );
    if (committed < start)
      log.warn(
        `${topic} [${partition}]: offsets ${committed} to ${start - 1n} are gone by retention before they were read`,
      );
    return committed < start ? start : committed;
  }

  async #copyPartition(partition: number, to: bigint, forgottenBefore: number): Promise<void> {
    const { reader, topic, map, signal } = this.#options;
    const from = this.#positions[partition] ?? 0n;
    // Another copy may have been further when it was asked how far to go.
    if (from >= to) return;
    for await (const batch of reader.read({ topic, partition, from, to }, signal)) {
      for (const record = batch.walk(); record.next();) {
        if (signal.aborted) return;
        const copied = map(record, partition);
        if (copied && record.timestampMs < forgottenBefore) throw this.#forgotten(partition, record);
        this.#positions[partition] = record.offset + 1n;
        if (!copied) continue;
        this.#records.push(copied);
        this.#bytes += recordBytes(copied);
        if (this.#records.length >= TRANSACTION_MAX_RECORDS || this.#bytes >= TRANSACTION_MAX_BYTES)
          await this.#commit();
      }
      this.#positions[partition] = batch.nextOffset;
    }
  }

  #forgotten(partition: number, record: RecordCursor): KafkaClientError {
    const { id, topic } = this.#options;
    return new KafkaClientError(
      'CLICKSTREAM_KAFKA_REFUSED',
      `group ${id} has no offset for ${topic} [${partition}], and the record at offset ${record.offset} is older than the broker remembers offsets (${OFFSETS_RETENTION}): it may have been copied before`,
      { topic, partition, offset: record.offset },
    );
  }

  async #commit(): Promise<void> {
    const { id, topic, onTransaction } = this.#options;
    const records = this.#records;
    this.#records = [];
    this.#bytes = 0;
    let outcome: 'committed' | 'failed' = 'failed';
    try {
      await this.#producer.begin();
      if (records.length > 0) await this.#producer.send(records);
      await this.#producer.sendOffsets(
        id,
        this.#positions.map((offset, partition) => ({ topic, partition, offset })),
      );
      await this.#producer.commit();
      outcome = 'committed';
    } catch (error) {
      throw explain(error, id);
    } finally {
      if (records.length > 0) onTransaction?.(outcome, records.length);
    }
  }
}

function explain(error: unknown, id: string): KafkaClientError {
  // The epoch is the oldest way of the protocol to say so, which our versions of the requests get (KIP-588).
  if (error instanceof Error && 'type' in error && error.type === 'INVALID_PRODUCER_EPOCH')
    return new KafkaClientError(
      'CLICKSTREAM_KAFKA_REPLACED',
      `another process has taken over transactional id ${id}: this one ends`,
      { cause: error },
    );
  return new KafkaClientError(
    topicRefusal(error) ?? 'CLICKSTREAM_KAFKA_SEND_FAILED',
    `a transaction of ${id} is not known to be committed: ${describeError(error)}`,
    { cause: error },
  );
}

/** How long the broker remembers the offsets of a group without members; its default where it does not tell. */
async function offsetsRetentionMs(connection: KafkaConnection, log: Logger): Promise<number> {
  const admin = createKafkajs(connection, log).admin();
  try {
    await admin.connect();
    const { brokers } = await admin.describeCluster();
    const { resources } = await admin.describeConfigs({
      includeSynonyms: false,
      resources: [
        {
          type: kafkajs.ConfigResourceTypes.BROKER,
          name: String(brokers[0]?.nodeId ?? ''),
          configNames: [OFFSETS_RETENTION],
        },
      ],
    });
    const minutes = Number(resources[0]?.configEntries[0]?.configValue);
    return minutes > 0 ? minutes * MINUTE_MS : DEFAULT_OFFSETS_RETENTION_MS;
  } catch (error) {
    // Reading settings may be forbidden where reading and writing records is not.
    log.debug({ err: error }, 'reading a setting of the broker');
    return DEFAULT_OFFSETS_RETENTION_MS;
  } finally {
    await admin.disconnect().catch(() => undefined);
  }
}
