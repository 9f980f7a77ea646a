import { describeError, KafkaClientError } from './error.ts';
import { inflate } from './inflate.ts';

/**
 * What one fetch of one partition brought: its records, and where the partition stands. A batch without
 * records is handed on too, since its positions say how far the log is read.
 */
export interface FetchedBatch {
  readonly topic: string;
  readonly partition: number;
  /** The offset that was asked for; records below it are not shown. */
  readonly fetchedOffset: bigint;
  /** The offset to read next: past control records, aborted records and offsets that compaction removed. */
  readonly nextOffset: bigint;
  readonly logStartOffset: bigint;
  readonly lastStableOffset: bigint;
  readonly highWatermark: bigint;
  /** When the answer came, monotonic ms: it may have waited since for the one before to be worked on. */
  readonly arrivedAt: number;
  /** A new walk over the records, in offset order. Walk one at a time: the cursor is the record. */
  walk(): RecordCursor;
}

/**
 * The record that a walk stands on. It is one object for the whole walk, so read what is needed before
 * `next()`; key and value are ranges of `bytes`, to be decoded in place.
 */
export interface RecordCursor {
  /** Steps to the next record; false after the last one. */
  next(): boolean;
  readonly offset: bigint;
  /** The record's Kafka timestamp, ms since the epoch: ingest time on topics with LogAppendTime. */
  readonly timestampMs: number;
  /** The bytes that the ranges below point into. */
  readonly bytes: Buffer;
  /** First offset and checksum of the record batch that the record is in: together they recognise it. */
  readonly batchBaseOffset: bigint;
  readonly batchCrc: number;
  /** First byte of the key, -1 if the key is null. */
  readonly keyStart: number;
  readonly keyEnd: number;
  /** First byte of the value, -1 if the value is null. */
  readonly valueStart: number;
  readonly valueEnd: number;
  /** The key, sharing memory with `bytes`. */
  key(): Buffer | null;
  /** The value, sharing memory with `bytes`. */
  value(): Buffer | null;
  /** The last header of that name, as Kafka's `lastHeader`; a null header value is an empty buffer. */
  header(name: string): Buffer | undefined;
  /** All headers in their order; a name may come several times. */
  headers(): [name: string, value: Buffer][];
}

/** One partition's part of a fetch response, as it came over the wire. */
export interface PartitionResponse {
  readonly topic: string;
  readonly partition: number;
  readonly errorCode: number;
  readonly highWatermark: bigint;
  readonly lastStableOffset: bigint;
  readonly logStartOffset: bigint;
  readonly abortedTransactions: readonly { producerId: bigint; firstOffset: bigint }[];
  readonly records: Buffer;
  /** When the response came, monotonic ms. */
  readonly arrivedAt: number;
}

// Record batch v2, see "Record Batch" in the Kafka protocol guide. Byte positions from the batch's start.
const BATCH_LENGTH = 8;
const LENGTH_COUNTS_FROM = 12;
const MAGIC = 16;
const CRC = 17;
const ATTRIBUTES = 21;
const LAST_OFFSET_DELTA = 23;
const BASE_TIMESTAMP = 27;
const MAX_TIMESTAMP = 35;
const PRODUCER_ID = 43;
const RECORD_COUNT = 57;
const RECORDS = 61;

const COMPRESSION_MASK = 0x07;
const LOG_APPEND_TIME = 0x08;
const TRANSACTIONAL = 0x10;
const CONTROL = 0x20;
const CONTROL_TYPE_ABORT = 0;

/** Records of one record batch that a reader may see. */
interface Section {
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
  readonly count: number;
  readonly baseOffset: bigint;
  readonly crc: number;
  readonly baseTimestampMs: number;
  /** Set when the broker stamped the whole batch (LogAppendTime). */
  readonly appendTimeMs: number | undefined;
}

/**
 * Makes a batch of one partition's fetch response. Which record batches a reader of committed data may see is
 * decided per batch, as the Java client does (`CompletedFetch.nextFetchedRecord`): by the control bit, and by
 * the producer ids that have an aborted transaction open at that point.
 *
 * @param endOffset records at and above it are left out.
 * @throws KafkaClientError `CLICKSTREAM_KAFKA_UNREADABLE_RECORDS` for a format before v2, and for bytes that
 * are no record batch.
 */
export function createFetchedBatch(
  response: PartitionResponse,
  fetchedOffset: bigint,
  endOffset?: bigint,
): FetchedBatch {
  const { topic, partition, records } = response;
  const sections: Section[] = [];
  const aborted = [...response.abortedTransactions].sort((a, b) =>
    a.firstOffset < b.firstOffset ? -1 : a.firstOffset > b.firstOffset ? 1 : 0,
  );
  const abortedProducers = new Set<bigint>();
  let abortedSeen = 0;
  let nextOffset = fetchedOffset;
  let isWhole = records.length === 0;

  // The last batch of a response may be cut off; it is fetched again, whole.
  for (let at = 0; at + RECORDS <= records.length;) {
    const end = at + LENGTH_COUNTS_FROM + records.readInt32BE(at + BATCH_LENGTH);
    if (end > records.length) break;
    isWhole = true;
    const baseOffset = records.readBigInt64BE(at);
    if (records[at + MAGIC] !== 2 || end < at + RECORDS)
      throw unreadable(response, baseOffset, `record batch format v${String(records[at + MAGIC])}`);
    const attributes = records.readInt16BE(at + ATTRIBUTES);
    const lastOffset = baseOffset + BigInt(records.readInt32BE(at + LAST_OFFSET_DELTA));
    const producerId = records.readBigInt64BE(at + PRODUCER_ID);
    if (endOffset !== undefined && baseOffset >= endOffset) {
      // Nothing is left of the offsets in between, so that the end is reached.
      if (endOffset > nextOffset) nextOffset = endOffset;
      break;
    }

    for (
      let next = aborted[abortedSeen];
      next && next.firstOffset <= lastOffset;
      next = aborted[++abortedSeen]
    )
      abortedProducers.add(next.producerId);

    if ((attributes & CONTROL) !== 0) {
      // The log cleaner may leave a marker's batch without its record.
      const isEmpty = records.readInt32BE(at + RECORD_COUNT) === 0;
      if (!isEmpty && controlType(records, at + RECORDS) === CONTROL_TYPE_ABORT)
        abortedProducers.delete(producerId);
    } else if ((attributes & TRANSACTIONAL) === 0 || !abortedProducers.has(producerId)) {
      if (lastOffset >= fetchedOffset) {
        const inflated = inflateSection(
          response,
          baseOffset,
          attributes,
          records.subarray(at + RECORDS, end),
        );
        sections.push({
          bytes: inflated ?? records,
          start: inflated ? 0 : at + RECORDS,
          end: inflated ? inflated.length : end,
          count: records.readInt32BE(at + RECORD_COUNT),
          baseOffset,
          crc: records.readUInt32BE(at + CRC),
          baseTimestampMs: Number(records.readBigInt64BE(at + BASE_TIMESTAMP)),
          appendTimeMs:
            (attributes & LOG_APPEND_TIME) !== 0
              ? Number(records.readBigInt64BE(at + MAX_TIMESTAMP))
              : undefined,
        });
      }
    }
    if (lastOffset >= nextOffset) nextOffset = lastOffset + 1n;
    at = end;
  }
  // The broker sends the first batch whole or nothing, see `checkFetchDataInfo` in its ReplicaManager: to go on
  // would be to fetch these bytes for ever.
  if (!isWhole) throw unreadable(response, fetchedOffset, 'no whole record batch among the bytes that came');
  if (endOffset !== undefined && nextOffset > endOffset) nextOffset = endOffset;

  return {
    topic,
    partition,
    fetchedOffset,
    nextOffset,
    logStartOffset: response.logStartOffset,
    lastStableOffset: response.lastStableOffset,
    highWatermark: response.highWatermark,
    arrivedAt: response.arrivedAt,
    walk: () => new SectionWalk(response, sections, fetchedOffset, nextOffset),
  };
}

class SectionWalk implements RecordCursor {
  bytes: Buffer = Buffer.alloc(0);
  timestampMs = 0;
  keyStart = -1;
  keyEnd = -1;
  valueStart = -1;
  valueEnd = -1;

  readonly #response: PartitionResponse;
  readonly #sections: readonly Section[];
  readonly #from: bigint;
  readonly #to: bigint;
  #sectionIndex = -1;
  #section: Section | undefined;
  /** Records of the section not yet stepped on. */
  #left = 0;
  /** Where the next record begins. */
  #at = 0;
  /** Where the present record ends. */
  #end = 0;
  #headersStart = 0;
  #offsetDelta = 0;
  // Offsets of the section that may be shown, as deltas, so that no BigInt is made per record.
  #firstDelta = 0;
  #endDelta = 0;

  constructor(response: PartitionResponse, sections: readonly Section[], from: bigint, to: bigint) {
    this.#response = response;
    this.#sections = sections;
    this.#from = from;
    this.#to = to;
  }

  get offset(): bigint {
    return (this.#section?.baseOffset ?? 0n) + BigInt(this.#offsetDelta);
  }

  get batchBaseOffset(): bigint {
    return this.#section?.baseOffset ?? 0n;
  }

  get batchCrc(): number {
    return this.#section?.crc ?? 0;
  }

  next(): boolean {
    for (;;) {
      if (this.#left === 0) {
        if (!this.#openNextSection()) return false;
        continue;
      }
      this.#left--;
      this.#readRecord();
      if (this.#offsetDelta < this.#firstDelta) continue;
      if (this.#offsetDelta >= this.#endDelta) {
        this.#left = 0;
        continue;
      }
      return true;
    }
  }

  key(): Buffer | null {
    return this.keyStart < 0 ? null : this.bytes.subarray(this.keyStart, this.keyEnd);
  }

  value(): Buffer | null {
    return this.valueStart < 0 ? null : this.bytes.subarray(this.valueStart, this.valueEnd);
  }

  header(name: string): Buffer | undefined {
    // No headers, as in most records.
    if (this.#headersStart < this.#end && this.bytes[this.#headersStart] === 0) return undefined;
    return this.headers().findLast(([given]) => given === name)?.[1];
  }

  headers(): [name: string, value: Buffer][] {
    this.#at = this.#headersStart;
    const headers: [string, Buffer][] = [];
    let left = this.#varint();
    if (left < 0 || this.#at > this.#end) throw this.#corrupt();
    for (; left > 0; left--) {
      const name = this.#range(this.#varint()).toString('utf8');
      headers.push([name, this.#range(this.#varint())]);
    }
    this.#at = this.#end;
    return headers;
  }

  #openNextSection(): boolean {
    const section = this.#sections[++this.#sectionIndex];
    if (!section) return false;
    this.#section = section;
    this.#left = section.count;
    this.#at = section.start;
    this.bytes = section.bytes;
    this.#firstDelta = Number(this.#from - section.baseOffset);
    this.#endDelta = Number(this.#to - section.baseOffset);
    return true;
  }

  #readRecord(): void {
    const section = this.#section;
    if (!section) return;
    const length = this.#varint();
    const end = this.#at + length;
    if (length < 0 || end > section.end) throw this.#corrupt();
    this.#at++; // attributes: no bit of them is in use
    const timestampDelta = this.#varlong();
    this.timestampMs = section.appendTimeMs ?? section.baseTimestampMs + timestampDelta;
    this.#offsetDelta = this.#varint();
    const keyLength = this.#varint();
    this.keyStart = keyLength < 0 ? -1 : this.#at;
    if (keyLength > 0) this.#at += keyLength;
    this.keyEnd = keyLength < 0 ? -1 : this.#at;
    const valueLength = this.#varint();
    this.valueStart = valueLength < 0 ? -1 : this.#at;
    if (valueLength > 0) this.#at += valueLength;
    this.valueEnd = valueLength < 0 ? -1 : this.#at;
    if (this.#at > end) throw this.#corrupt();
    this.#headersStart = this.#at;
    this.#at = this.#end = end;
  }

  #range(length: number): Buffer {
    const start = this.#at;
    if (length > 0) this.#at += length;
    if (this.#at > this.#end) throw this.#corrupt();
    return this.bytes.subarray(start, this.#at);
  }

  /** A zigzag varint of at most 5 bytes. */
  #varint(): number {
    const bytes = this.bytes;
    let byte = bytes[this.#at++] ?? 0;
    let value = byte & 0x7f;
    for (let shift = 7; byte >= 0x80; shift += 7) {
      if (shift > 28) throw this.#corrupt();
      byte = bytes[this.#at++] ?? 0;
      value |= (byte & 0x7f) << shift;
    }
    return (value >>> 1) ^ -(value & 1);
  }

  /** A zigzag varint of at most 10 bytes, exact up to 2^53: timestamps are far below. */
  #varlong(): number {
    const bytes = this.bytes;
    let byte = bytes[this.#at++] ?? 0;
    let value = byte & 0x7f;
    for (let weight = 128, read = 1; byte >= 0x80; weight *= 128, read++) {
      if (read === 10) throw this.#corrupt();
      byte = bytes[this.#at++] ?? 0;
      value += (byte & 0x7f) * weight;
    }
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  #corrupt(): KafkaClientError {
    return unreadable(this.#response, this.#section?.baseOffset ?? 0n, 'a record that leaves its batch');
  }
}

/** The type in a control record's key: version INT16, type INT16 (0 = abort, 1 = commit). */
function controlType(records: Buffer, recordStart: number): number {
  // length, attributes, timestamp delta, offset delta and key length, each one byte in a marker but the length
  let at = recordStart;
  const skipVarint = () => {
    while ((records[at++] ?? 0) >= 0x80);
  };
  skipVarint();
  at++;
  skipVarint();
  skipVarint();
  skipVarint();
  return records.readInt16BE(at + 2);
}

function inflateSection(
  response: PartitionResponse,
  baseOffset: bigint,
  attributes: number,
  section: Buffer,
): Buffer | undefined {
  try {
    return inflate(attributes & COMPRESSION_MASK, section);
  } catch (error) {
    throw unreadable(response, baseOffset, `a compressed batch (${describeError(error)})`, error);
  }
}

function unreadable(
  { topic, partition }: PartitionResponse,
  offset: bigint,
  what: string,
  cause?: unknown,
): KafkaClientError {
  return new KafkaClientError(
    'CLICKSTREAM_KAFKA_UNREADABLE_RECORDS',
    `cannot read ${topic} [${partition}] at offset ${offset}: ${what}`,
    { topic, partition, offset, ...(cause !== undefined && { cause }) },
  );
}
