import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { KafkaClientError } from '../src/error.ts';
import {
  createFetchedBatch,
  type FetchedBatch,
  type PartitionResponse,
  type RecordCursor,
} from '../src/fetched-batch.ts';
import {
  encodeMarker,
  encodeRecordBatch,
  varint,
  type BatchRecord,
  type RecordBatch,
  type Compression,
} from './encode-record-batch.ts';

const NOW = 1_700_000_000_000;

const response = (records: Buffer, more: Partial<PartitionResponse> = {}): PartitionResponse => ({
  topic: 'clicks',
  partition: 3,
  errorCode: 0,
  highWatermark: 100n,
  lastStableOffset: 90n,
  logStartOffset: 5n,
  abortedTransactions: [],
  records,
  arrivedAt: 0,
  ...more,
});

const record = (offsetDelta: number, more: Partial<BatchRecord> = {}): BatchRecord => ({
  offsetDelta,
  timestampMs: NOW,
  key: null,
  value: Buffer.from(`value ${offsetDelta}`),
  headers: [],
  ...more,
});

const plain = (baseOffset: bigint, count: number, more: Partial<RecordBatch> = {}): Buffer =>
  encodeRecordBatch({
    baseOffset,
    records: Array.from({ length: count }, (_, index) => record(index)),
    ...more,
  });

interface Seen {
  readonly offset: bigint;
  readonly timestampMs: number;
  readonly key: string | null;
  readonly value: string | null;
  readonly headers: [string, string][];
}

function look(cursor: RecordCursor): Seen {
  return {
    offset: cursor.offset,
    timestampMs: cursor.timestampMs,
    key: cursor.key()?.toString('hex') ?? null,
    value: cursor.value()?.toString('hex') ?? null,
    headers: cursor.headers().map(([name, value]) => [name, value.toString('hex')]),
  };
}

function walk(batch: FetchedBatch): Seen[] {
  const seen: Seen[] = [];
  for (const cursor = batch.walk(); cursor.next();) seen.push(look(cursor));
  return seen;
}

const offsets = (batch: FetchedBatch) => walk(batch).map(({ offset }) => offset);

describe('a fetched batch', () => {
  it('tells where the partition stands', () => {
    expect(createFetchedBatch(response(plain(40n, 3)), 40n)).toMatchObject({
      topic: 'clicks',
      partition: 3,
      fetchedOffset: 40n,
      nextOffset: 43n,
      logStartOffset: 5n,
      lastStableOffset: 90n,
      highWatermark: 100n,
    });
  });

  it('is at the fetched offset when nothing came', () => {
    const batch = createFetchedBatch(response(Buffer.alloc(0)), 40n);
    expect(batch.nextOffset).toBe(40n);
    expect(offsets(batch)).toEqual([]);
  });

  it('can be walked more than once', () => {
    const batch = createFetchedBatch(response(plain(40n, 3, { compression: 'gzip' })), 40n);
    expect(walk(batch)).toEqual(walk(batch));
    expect(offsets(batch)).toEqual([40n, 41n, 42n]);
  });

  it('tells null keys and values from empty ones', () => {
    const records = [
      record(0, { key: null, value: null }),
      record(1, { key: Buffer.alloc(0), value: Buffer.alloc(0) }),
    ];
    const batch = createFetchedBatch(response(encodeRecordBatch({ baseOffset: 0n, records })), 0n);
    const cursor = batch.walk();
    expect(cursor.next()).toBe(true);
    expect([cursor.key(), cursor.keyStart, cursor.value(), cursor.valueStart]).toEqual([null, -1, null, -1]);
    expect(cursor.next()).toBe(true);
    expect([cursor.key(), cursor.value()]).toEqual([Buffer.alloc(0), Buffer.alloc(0)]);
    expect([cursor.keyStart, cursor.valueStart]).toEqual([cursor.keyEnd, cursor.valueEnd]);
    expect(cursor.next()).toBe(false);
  });

  it('gives the ranges of key and value in its bytes', () => {
    const records = [record(0, { key: Buffer.from('key'), value: Buffer.from('some value') })];
    const cursor = createFetchedBatch(response(encodeRecordBatch({ baseOffset: 0n, records })), 0n).walk();
    cursor.next();
    expect(cursor.bytes.toString('utf8', cursor.keyStart, cursor.keyEnd)).toBe('key');
    expect(cursor.bytes.toString('utf8', cursor.valueStart, cursor.valueEnd)).toBe('some value');
  });

  it('gives the last header of a name, all headers in order, and a null header value as empty', () => {
    const headers = [
      ['a', Buffer.from('1')],
      ['b', null],
      ['a', Buffer.from('2')],
    ] as const;
    const bytes = encodeRecordBatch({ baseOffset: 0n, records: [record(0, { headers }), record(1)] });
    const cursor = createFetchedBatch(response(bytes), 0n).walk();
    cursor.next();
    expect(cursor.header('a')).toEqual(Buffer.from('2'));
    expect(cursor.header('b')).toEqual(Buffer.alloc(0));
    expect(cursor.header('c')).toBeUndefined();
    expect(cursor.headers().map(([name, value]) => `${name}=${value.toString()}`)).toEqual([
      'a=1',
      'b=',
      'a=2',
    ]);
    cursor.next();
    expect(cursor.header('a')).toBeUndefined();
    expect(cursor.headers()).toEqual([]);
  });

  it("shows the producer's timestamps, or the broker's where it stamped the batch", () => {
    const records = [
      record(0, { timestampMs: NOW }),
      record(1, { timestampMs: NOW - 86_400_000 }),
      record(2, { timestampMs: NOW + 5 }),
    ];
    const bytes = Buffer.concat([
      encodeRecordBatch({ baseOffset: 0n, records }),
      encodeRecordBatch({ baseOffset: 3n, records, appendTimeMs: NOW + 77 }),
      encodeRecordBatch({ baseOffset: 6n, records: [record(0, { timestampMs: -1 })] }),
    ]);
    const seen = walk(createFetchedBatch(response(bytes), 0n)).map(({ timestampMs }) => timestampMs);
    expect(seen).toEqual([NOW, NOW - 86_400_000, NOW + 5, NOW + 77, NOW + 77, NOW + 77, -1]);
  });

  it('leaves out records below the fetched offset and from the end offset on', () => {
    const bytes = Buffer.concat([plain(10n, 5), plain(15n, 5, { compression: 'zstd' }), plain(20n, 5)]);
    const batch = createFetchedBatch(response(bytes), 12n, 22n);
    expect(offsets(batch)).toEqual([12n, 13n, 14n, 15n, 16n, 17n, 18n, 19n, 20n, 21n]);
    expect(batch.nextOffset).toBe(22n);
  });

  it('reaches an end offset that lies in a gap between two batches', () => {
    const bytes = Buffer.concat([plain(10n, 2), plain(30n, 2)]);
    const batch = createFetchedBatch(response(bytes), 10n, 20n);
    expect(offsets(batch)).toEqual([10n, 11n]);
    expect(batch.nextOffset).toBe(20n);
    expect(createFetchedBatch(response(plain(30n, 2)), 12n, 20n).nextOffset).toBe(20n);
  });

  it('moves over a batch that compaction emptied, and over the gap at the end of one', () => {
    const emptied = encodeRecordBatch({ baseOffset: 10n, records: [], lastOffsetDelta: 9, producerId: 7n });
    expect(createFetchedBatch(response(emptied), 10n).nextOffset).toBe(20n);
    const gap = encodeRecordBatch({ baseOffset: 20n, records: [record(2)], lastOffsetDelta: 9 });
    const batch = createFetchedBatch(response(Buffer.concat([emptied, gap])), 10n);
    expect(offsets(batch)).toEqual([22n]);
    expect(batch.nextOffset).toBe(30n);
  });

  it('leaves a last batch that was cut off to the next fetch', () => {
    const whole = plain(10n, 5);
    const next = plain(15n, 5);
    for (let length = 0; length < next.length; length++) {
      const batch = createFetchedBatch(response(Buffer.concat([whole, next.subarray(0, length)])), 10n);
      expect(batch.nextOffset).toBe(15n);
      expect(offsets(batch)).toEqual([10n, 11n, 12n, 13n, 14n]);
    }
  });

  it('hides two aborted transactions that overlap, whatever order they are listed in', () => {
    const transactional = (baseOffset: bigint, producerId: bigint) =>
      plain(baseOffset, 1, { producerId, isTransactional: true });
    const records = Buffer.concat([
      transactional(0n, 1n),
      transactional(1n, 2n),
      transactional(2n, 1n),
      encodeMarker(3n, 2n, 'abort'),
      transactional(4n, 1n),
      plain(5n, 1, { producerId: 1n }), // the same producer id, outside of any transaction
      encodeMarker(6n, 1n, 'abort'),
      transactional(7n, 1n),
      transactional(8n, 2n),
      encodeMarker(9n, 1n, 'commit'),
      encodeMarker(10n, 2n, 'commit'),
    ]);
    const listed = [
      { producerId: 2n, firstOffset: 1n },
      { producerId: 1n, firstOffset: 0n },
    ];
    for (const abortedTransactions of [listed, listed.toReversed()]) {
      const batch = createFetchedBatch(response(records, { abortedTransactions }), 0n);
      expect(offsets(batch)).toEqual([5n, 7n, 8n]);
      expect(batch.nextOffset).toBe(11n);
    }
  });

  it('does not take a user key of four zero bytes for the end of an aborted transaction', () => {
    const records = Buffer.concat([
      encodeRecordBatch({
        baseOffset: 0n,
        records: [record(0, { key: Buffer.alloc(4) })],
        producerId: 1n,
        isTransactional: true,
      }),
      plain(1n, 1, { producerId: 1n, isTransactional: true }),
      encodeMarker(2n, 1n, 'abort'),
    ]);
    const abortedTransactions = [{ producerId: 1n, firstOffset: 0n }];
    expect(offsets(createFetchedBatch(response(records, { abortedTransactions }), 0n))).toEqual([]);
  });
});

describe('a fetched batch of unreadable bytes', () => {
  const read = (records: Buffer) => () => walk(createFetchedBatch(response(records), 40n));
  const unreadable = (text: RegExp) =>
    expect.objectContaining({
      code: 'CLICKSTREAM_KAFKA_UNREADABLE_RECORDS',
      message: expect.stringMatching(text) as unknown,
      topic: 'clicks',
      partition: 3,
      offset: 40n,
    }) as Error;

  it.each<[string, Buffer, RegExp]>([
    ['an old message format', edited(plain(40n, 3), (bytes) => bytes.writeInt8(1, 16)), /format v1/],
    [
      'snappy bytes that are none',
      edited(plain(40n, 3, { compression: 'snappy' }), (bytes) => bytes.fill(0xee, 61)),
      /compressed/,
    ],
    [
      'a codec that nobody knows',
      edited(plain(40n, 3), (bytes) => bytes.writeInt16BE(7, 21)),
      /unknown compression codec/,
    ],
    [
      'bytes that do not decompress',
      edited(plain(40n, 30, { compression: 'gzip' }), (bytes) => bytes.fill(0xee, 75, 90)),
      /compressed batch/,
    ],
    [
      'a batch shorter than its header',
      edited(plain(40n, 3), (bytes) => bytes.writeInt32BE(48, 8)),
      /format/,
    ],
    ['a negative batch length', edited(plain(40n, 3), (bytes) => bytes.writeInt32BE(-100, 8)), /format/],
    // The broker hands out at least one whole batch, or nothing: this would be fetched over and over.
    [
      'a batch length beyond what came',
      edited(plain(40n, 3), (bytes) => bytes.writeInt32BE(1 << 30, 8)),
      /no whole record batch/,
    ],
    ['less than a batch', plain(40n, 3).subarray(0, 50), /no whole record batch/],
    ['more records than there are', edited(plain(40n, 3), (bytes) => bytes.writeInt32BE(4, 57)), /leaves/],
    ['a negative number of records', edited(plain(40n, 3), (bytes) => bytes.writeInt32BE(-1, 57)), /leaves/],
    ['a negative record length', withRecord(varint(-5)), /leaves/],
    ['a record length beyond the batch', withRecord(varint(10_000)), /leaves/],
    ['a varint that does not end', withRecord(Buffer.alloc(12, 0xff)), /leaves/],
    ['a key beyond the record', withRecord(body([0, 0, 0], varint(500), varint(-1), [0])), /leaves/],
    ['a value beyond the record', withRecord(body([0, 0, 0], varint(-1), varint(500), [0])), /leaves/],
    ['a record without headers', withRecord(body([0, 0, 0], varint(-1), varint(-1))), /leaves/],
    ['a header beyond the record', withRecord(body([0, 0, 0, 1, 1], varint(1), varint(90))), /leaves/],
    [
      'a number of headers beyond the record',
      withRecord(body([0, 0, 0, 1, 1], varint(1_000_000_000))),
      /leaves/,
    ],
    ['a negative number of headers', withRecord(body([0, 0, 0, 1, 1], varint(-3))), /leaves/],
  ])('refuses %s', (_, bytes, text) => {
    expect(read(bytes)).toThrow(unreadable(text));
    // Also when more records follow that could be taken for the rest of it.
    if (!text.source.includes('whole'))
      expect(read(Buffer.concat([bytes, plain(50n, 20)]))).toThrow(unreadable(text));
  });

  it('ends, throws only its own error and never looks beyond a batch, whatever bytes are flipped', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('none', 'none', 'none', 'gzip', 'snappy', 'xerial snappy', 'lz4', 'zstd'),
        fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), { minLength: 1, maxLength: 4 }),
        (compression, flips) => {
          const headers = [['name', Buffer.from('header')]] as const;
          const records = Array.from({ length: 4 }, (_, index) =>
            record(index, { key: Buffer.from('key'), headers }),
          );
          const first = encodeRecordBatch({ baseOffset: 40n, records, compression });
          const bytes = Buffer.concat([first, plain(44n, 4)]);
          for (const [at, mask] of flips) bytes[at % first.length]! ^= mask;
          try {
            const batch = createFetchedBatch(response(bytes), 40n);
            for (const cursor = batch.walk(); cursor.next();) {
              const parts = [cursor.key(), cursor.value(), ...cursor.headers().map(([, value]) => value)];
              for (const part of parts) {
                if (cursor.bytes !== bytes || !part || part.length === 0) continue;
                const start = part.byteOffset - bytes.byteOffset;
                const end = start + part.length;
                expect(end <= first.length || start >= first.length).toBe(true);
                expect(end).toBeLessThanOrEqual(bytes.length);
              }
            }
          } catch (error) {
            if (!(error instanceof KafkaClientError)) throw error;
            expect(error.code).toBe('CLICKSTREAM_KAFKA_UNREADABLE_RECORDS');
          }
        },
      ),
      { numRuns: 3_000 },
    );
  });
});

/** Something that happens to a log, from which both the bytes and what a reader must see follow. */
interface LogStep {
  readonly producer: 0 | 1 | 2;
  readonly kind: 'plain' | 'transactional' | 'abort' | 'commit';
  readonly records: readonly (Omit<BatchRecord, 'offsetDelta'> & { readonly gapBefore: number })[];
  readonly gapAfter: number;
  readonly compression: Compression;
  readonly appendTimeMs: number | undefined;
}

const bytesOrNull = fc.oneof(
  fc.constant(null),
  fc.constant(Buffer.alloc(4)),
  fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
);
const logStep: fc.Arbitrary<LogStep> = fc.record({
  producer: fc.constantFrom(0, 1, 2),
  kind: fc.constantFrom('plain', 'transactional', 'transactional', 'abort', 'commit'),
  records: fc.array(
    fc.record({
      gapBefore: fc.constantFrom(0, 0, 0, 1, 130),
      timestampMs: fc.integer({ min: -1, max: 4_000_000_000_000 }),
      key: bytesOrNull,
      value: bytesOrNull,
      headers: fc.array(fc.tuple(fc.constantFrom('a', 'b', 'ü', ''), bytesOrNull), { maxLength: 3 }),
    }),
    { maxLength: 5 },
  ),
  gapAfter: fc.constantFrom(0, 0, 0, 2),
  compression: fc.constantFrom('none', 'none', 'gzip', 'snappy', 'xerial snappy', 'lz4', 'zstd'),
  appendTimeMs: fc.option(fc.integer({ min: 0, max: 4_000_000_000_000 }), { nil: undefined }),
});

interface EncodedBatch {
  readonly bytes: Buffer;
  readonly baseOffset: bigint;
  readonly nextOffset: bigint;
}

/** Plays the broker: what is in the log, and which records a reader of committed data must see. */
function writeLog(steps: readonly LogStep[]) {
  const batches: EncodedBatch[] = [];
  const aborted: { producerId: bigint; firstOffset: bigint; markerOffset: bigint }[] = [];
  const open = new Map<number, { firstOffset: bigint; records: Seen[] }>();
  const visible: Seen[] = [];
  let end = 1_000n;
  const append = (bytes: Buffer, nextOffset: bigint) => {
    batches.push({ bytes, baseOffset: end, nextOffset });
    end = nextOffset;
  };
  const finish = (producer: number, type: 'abort' | 'commit') => {
    const transaction = open.get(producer);
    if (!transaction) return;
    open.delete(producer);
    if (type === 'commit') visible.push(...transaction.records);
    else
      aborted.push({ producerId: BigInt(producer), firstOffset: transaction.firstOffset, markerOffset: end });
    append(encodeMarker(end, BigInt(producer), type), end + 1n);
  };

  for (const { producer, kind, records, gapAfter, compression, appendTimeMs } of steps) {
    if (kind === 'abort' || kind === 'commit') {
      finish(producer, kind);
      continue;
    }
    const isTransactional = kind === 'transactional';
    // A producer that writes plainly has another id than one that writes transactions.
    const producerId = BigInt(isTransactional ? producer : producer + 10);
    let delta = -1;
    const placed = records.map((item) => ({ ...item, offsetDelta: (delta += 1 + item.gapBefore) }));
    const lastOffsetDelta = Math.max(0, delta) + gapAfter;
    const seen = placed.map(({ offsetDelta, timestampMs, key, value, headers }) => ({
      offset: end + BigInt(offsetDelta),
      timestampMs: appendTimeMs ?? timestampMs,
      key: key?.toString('hex') ?? null,
      value: value?.toString('hex') ?? null,
      headers: headers.map(([name, bytes]): [string, string] => [name, bytes?.toString('hex') ?? '']),
    }));
    if (isTransactional) {
      const transaction = open.get(producer) ?? { firstOffset: end, records: [] };
      transaction.records.push(...seen);
      open.set(producer, transaction);
    } else visible.push(...seen);
    const bytes = encodeRecordBatch({
      baseOffset: end,
      records: placed,
      lastOffsetDelta,
      // An emptied batch is not compressed.
      compression: placed.length === 0 ? 'none' : compression,
      ...(appendTimeMs !== undefined && { appendTimeMs }),
      producerId,
      isTransactional,
    });
    append(bytes, end + BigInt(lastOffsetDelta) + 1n);
  }
  for (const producer of [...open.keys()]) finish(producer, producer === 1 ? 'abort' : 'commit');
  visible.sort((a, b) => Number(a.offset - b.offset));
  return { batches, aborted, visible, start: 1_000n, end };
}

describe('any log', () => {
  it('is shown as it was written, in whatever stretches it is fetched', () => {
    fc.assert(
      fc.property(
        fc.array(logStep, { maxLength: 12 }),
        fc.array(fc.nat(), { minLength: 1, maxLength: 6 }),
        fc.option(fc.nat(), { nil: undefined }),
        fc.nat(),
        (steps, stretches, endAt, startAt) => {
          const log = writeLog(steps);
          const length = Number(log.end - log.start);
          const from = log.start + BigInt(startAt % (length + 1));
          const to = endAt === undefined ? undefined : from + BigInt(endAt % (length + 5));
          const target = to === undefined || to > log.end ? log.end : to;

          const seen: Seen[] = [];
          let position = from;
          for (let turn = 0; position < target; turn++) {
            // As the broker does: from the batch that holds the position, as many bytes as fit, the first batch whole.
            const rest = log.batches.filter(({ nextOffset }) => nextOffset > position);
            const all = Buffer.concat(rest.map(({ bytes }) => bytes));
            const limit = Math.max(rest[0]!.bytes.length, stretches[turn % stretches.length]! % 2_000);
            const abortedTransactions = log.aborted.filter(({ markerOffset }) => markerOffset >= position);
            const batch = createFetchedBatch(
              response(all.subarray(0, limit), { abortedTransactions }),
              position,
              to,
            );
            expect(batch.fetchedOffset).toBe(position);
            expect(batch.nextOffset).toBeGreaterThan(position);
            seen.push(...walk(batch));
            position = batch.nextOffset;
          }
          expect(position).toBe(from > target ? from : target);
          expect(seen).toEqual(log.visible.filter(({ offset }) => offset >= from && offset < target));
        },
      ),
      { numRuns: 500 },
    );
  });
});

function edited(bytes: Buffer, edit: (bytes: Buffer) => void): Buffer {
  edit(bytes);
  return bytes;
}

/** A batch of one record with these bytes. */
function withRecord(bytes: Buffer): Buffer {
  const batch = Buffer.concat([encodeRecordBatch({ baseOffset: 40n, records: [] }), bytes]);
  batch.writeInt32BE(batch.length - 12, 8);
  batch.writeInt32BE(1, 57);
  return batch;
}

/** A record of the right length whose content is wrong. */
function body(...parts: (Buffer | number[])[]): Buffer {
  const content = Buffer.concat(parts.map((part) => Buffer.from(part)));
  return Buffer.concat([varint(content.length), content]);
}
