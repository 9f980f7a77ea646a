import type { StoredBatch } from './model-log.ts';

// Byte positions in a record batch v2, see "Record Batch" in the Kafka protocol guide.
const BATCH_LENGTH = 8;
const LENGTH_COUNTS_FROM = 12;
const MAGIC = 16;
const CRC = 17;
const ATTRIBUTES = 21;
const LAST_OFFSET_DELTA = 23;
const BASE_TIMESTAMP = 27;
const MAX_TIMESTAMP = 35;
const PRODUCER_ID = 43;
const PRODUCER_EPOCH = 51;
const BASE_SEQUENCE = 53;
const RECORD_COUNT = 57;
const RECORDS = 61;

const TRANSACTIONAL = 0x10;
const CONTROL = 0x20;
const MARKER_TIMESTAMP_MS = 1_700_000_000_000;

/** What a batch is written to before its length is known. */
let scratch = Buffer.alloc(64 * 1024);
let at = 0;

/**
 * Encodes a batch or a marker as a fetch response holds it. `encodeRecordBatch` of the tests makes the same of it, in ten
 * times the time; what they make is compared by test/simulation-encoding.test.ts.
 */
export function encodeStoredBatch({
  baseOffset,
  lastOffset,
  producerId,
  records,
  marker,
}: StoredBatch): Buffer {
  at = RECORDS;
  let baseTimestampMs = records[0]?.timestampMs ?? -1;
  let maxTimestampMs = -1;
  if (marker) {
    baseTimestampMs = maxTimestampMs = MARKER_TIMESTAMP_MS;
    for (const byte of marker === 'abort' ? ABORT : COMMIT) scratch[at++] = byte;
  } else
    for (const { key, value, headers, offset, timestampMs } of records) {
      if (timestampMs > maxTimestampMs) maxTimestampMs = timestampMs;
      const delta = timestampMs - baseTimestampMs;
      let length = 1 + varintLength(delta) + varintLength(offset - baseOffset);
      length += sizedLength(key) + sizedLength(value) + varintLength(headers.length);
      for (const [name, header] of headers)
        length += varintLength(Buffer.byteLength(name)) + Buffer.byteLength(name) + sizedLength(header);
      if (at + length + 5 > scratch.length) scratch = Buffer.concat([scratch], 2 * (scratch.length + length));
      putVarint(length);
      scratch[at++] = 0; // attributes
      putVarint(delta);
      putVarint(offset - baseOffset);
      putSized(key);
      putSized(value);
      putVarint(headers.length);
      for (const [name, header] of headers) {
        putVarint(Buffer.byteLength(name));
        at += scratch.write(name, at);
        putSized(header);
      }
    }
  const bytes = Buffer.from(scratch.subarray(0, at));
  bytes.fill(0, 0, RECORDS);
  putInt64(bytes, baseOffset, 0);
  bytes.writeInt32BE(at - LENGTH_COUNTS_FROM, BATCH_LENGTH);
  bytes[MAGIC] = 2;
  const attributes = (marker ? CONTROL : 0) | (producerId >= 0 ? TRANSACTIONAL : 0);
  bytes.writeInt16BE(attributes, ATTRIBUTES);
  bytes.writeInt32BE(lastOffset - baseOffset, LAST_OFFSET_DELTA);
  putInt64(bytes, baseTimestampMs, BASE_TIMESTAMP);
  putInt64(bytes, maxTimestampMs, MAX_TIMESTAMP);
  putInt64(bytes, producerId, PRODUCER_ID);
  bytes.writeInt16BE(producerId < 0 ? -1 : 0, PRODUCER_EPOCH);
  bytes.writeInt32BE(-1, BASE_SEQUENCE);
  bytes.writeInt32BE(marker ? 1 : records.length, RECORD_COUNT);
  // Nobody checks it, but a topic is recognised by it.
  if (!marker)
    bytes.writeUInt32BE((Math.imul(baseOffset + 1, 0x9e3779b1) ^ (records[0]?.timestampMs ?? 0)) >>> 0, CRC);
  return bytes;
}

/** A marker's record: lengths, no timestamp and offset deltas, key (version, type), value (version, epoch), no headers. */
const ABORT = [32, 0, 0, 0, 8, 0, 0, 0, 0, 12, 0, 0, 0, 0, 0, 0, 0];
const COMMIT = [32, 0, 0, 0, 8, 0, 0, 0, 1, 12, 0, 0, 0, 0, 0, 0, 0];

/** Numbers as they occur here, from -1 to 2^53; no BigInt is made. */
function putInt64(bytes: Buffer, value: number, position: number): void {
  bytes.writeInt32BE(Math.floor(value / 2 ** 32), position);
  bytes.writeInt32BE(value | 0, position + 4);
}

function varintLength(value: number): number {
  const zigzag = ((value << 1) ^ (value >> 31)) >>> 0;
  return zigzag < 0x80 ? 1 : zigzag < 0x4000 ? 2 : zigzag < 0x200000 ? 3 : zigzag < 0x10000000 ? 4 : 5;
}

function putVarint(value: number): void {
  let rest = ((value << 1) ^ (value >> 31)) >>> 0;
  for (; rest >= 0x80; rest >>>= 7) scratch[at++] = (rest & 0x7f) | 0x80;
  scratch[at++] = rest;
}

function sizedLength(bytes: Buffer | null): number {
  return bytes === null ? 1 : varintLength(bytes.length) + bytes.length;
}

function putSized(bytes: Buffer | null): void {
  if (bytes === null) {
    putVarint(-1);
    return;
  }
  putVarint(bytes.length);
  // Most are some bytes long, for which a call of copy() takes longer.
  for (const byte of bytes) scratch[at++] = byte;
}
