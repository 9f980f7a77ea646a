import { gzipSync, zstdCompressSync } from 'node:zlib';
import { compressFrameSync } from 'lz4-napi';
import { compressSync } from 'snappy';

/** A record to be put into a batch. */
export interface BatchRecord {
  readonly offsetDelta: number;
  readonly timestampMs: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: readonly (readonly [name: string, value: Buffer | null])[];
}

/** A record batch v2 as a broker would send it; what is left out is as in a plain, uncompressed batch. */
export interface RecordBatch {
  readonly baseOffset: bigint;
  readonly records: readonly BatchRecord[];
  /** Beyond the last record's where compaction has removed the last ones. */
  readonly lastOffsetDelta?: number;
  readonly compression?: Compression;
  /** Set by a broker that stamps batches itself (LogAppendTime). */
  readonly appendTimeMs?: number;
  readonly producerId?: bigint;
  readonly isTransactional?: boolean;
  readonly isControl?: boolean;
}

/** Codecs by their number in the attributes; the last stands for what the Java client makes of snappy. */
const CODECS = ['none', 'gzip', 'snappy', 'lz4', 'zstd', 'unknown'] as const;
export type Compression = (typeof CODECS)[number] | 'xerial snappy';

/** Encodes a batch by the Kafka protocol guide, sharing no code with the reader. */
export function encodeRecordBatch(batch: RecordBatch): Buffer {
  const { baseOffset, records, compression = 'none', appendTimeMs, producerId = -1n } = batch;
  const baseTimestampMs = records[0]?.timestampMs ?? -1;
  const plain = Buffer.concat(records.map((record) => encodeRecord(record, baseTimestampMs)));
  const body = compress(plain, compression);
  const attributes =
    CODECS.indexOf(compression === 'xerial snappy' ? 'snappy' : compression) |
    (appendTimeMs === undefined ? 0 : 0x08) |
    (batch.isTransactional ? 0x10 : 0) |
    (batch.isControl ? 0x20 : 0);

  const header = Buffer.alloc(61);
  header.writeBigInt64BE(baseOffset, 0);
  header.writeInt32BE(61 - 12 + body.length, 8);
  header.writeInt32BE(0, 12); // leader epoch
  header.writeInt8(2, 16);
  header.writeInt32BE(0, 17); // checksum, which this reader leaves to the transport
  header.writeInt16BE(attributes, 21);
  header.writeInt32BE(batch.lastOffsetDelta ?? records.at(-1)?.offsetDelta ?? 0, 23);
  header.writeBigInt64BE(BigInt(baseTimestampMs), 27);
  header.writeBigInt64BE(
    BigInt(appendTimeMs ?? Math.max(-1, ...records.map(({ timestampMs }) => timestampMs))),
    35,
  );
  header.writeBigInt64BE(producerId, 43);
  header.writeInt16BE(producerId < 0n ? -1 : 0, 51);
  header.writeInt32BE(-1, 53); // base sequence
  header.writeInt32BE(records.length, 57);
  return Buffer.concat([header, body]);
}

/** The batch with which a transaction of `producerId` ends. */
export function encodeMarker(baseOffset: bigint, producerId: bigint, type: 'abort' | 'commit'): Buffer {
  const key = Buffer.from([0, 0, 0, type === 'abort' ? 0 : 1]);
  const value = Buffer.alloc(6); // version, coordinator epoch
  return encodeRecordBatch({
    baseOffset,
    records: [{ offsetDelta: 0, timestampMs: 1_700_000_000_000, key, value, headers: [] }],
    producerId,
    isTransactional: true,
    isControl: true,
  });
}

function encodeRecord(record: BatchRecord, baseTimestampMs: number): Buffer {
  const body = Buffer.concat([
    Buffer.from([0]),
    varint(record.timestampMs - baseTimestampMs),
    varint(record.offsetDelta),
    sized(record.key),
    sized(record.value),
    varint(record.headers.length),
    ...record.headers.flatMap(([name, value]) => [sized(Buffer.from(name)), sized(value)]),
  ]);
  return Buffer.concat([varint(body.length), body]);
}

function sized(bytes: Buffer | null): Buffer {
  return bytes === null ? varint(-1) : Buffer.concat([varint(bytes.length), bytes]);
}

/** Zigzag varint. */
export function varint(value: number): Buffer {
  let rest = value < 0 ? (BigInt(-value) << 1n) - 1n : BigInt(value) << 1n;
  const bytes: number[] = [];
  for (; rest >= 0x80n; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  return Buffer.from([...bytes, Number(rest)]);
}

function compress(plain: Buffer, compression: Compression): Buffer {
  switch (compression) {
    case 'gzip':
      return gzipSync(plain);
    case 'zstd':
      return zstdCompressSync(plain);
    case 'lz4':
      return compressFrameSync(plain);
    case 'snappy':
      return compressSync(plain);
    case 'xerial snappy':
      return xerialSnappy(plain);
    case 'none':
    case 'unknown':
      return plain;
  }
}

/** snappy-java's stream format: a header of 16 bytes, then blocks, each behind its compressed length. */
function xerialSnappy(plain: Buffer): Buffer {
  const header = Buffer.from([0x82, ...Buffer.from('SNAPPY'), 0, 0, 0, 0, 1, 0, 0, 0, 1]);
  const half = plain.length >> 1;
  const blocks = [plain.subarray(0, half), plain.subarray(half)].flatMap((part) => {
    const block = compressSync(part);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(block.length);
    return [length, block];
  });
  return Buffer.concat([header, ...blocks]);
}
