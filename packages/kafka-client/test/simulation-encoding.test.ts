import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodeStoredBatch } from '../testing/encode-stored-batch.ts';
import type { StoredBatch } from '../testing/model-log.ts';
import { encodeMarker, encodeRecordBatch } from './encode-record-batch.ts';

const CRC = 17;

const bytes = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array));
const batch: fc.Arbitrary<StoredBatch> = fc
  .record({
    baseOffset: fc.nat(),
    producerId: fc.constantFrom(-1, 1, 1_000_000),
    gaps: fc.array(fc.nat({ max: 3 }), { maxLength: 8 }),
    records: fc.array(
      fc.record({
        key: fc.option(bytes),
        value: fc.option(bytes),
        headers: fc.array(fc.tuple(fc.string({ maxLength: 20 }), bytes), { maxLength: 3 }),
        timestampMs: fc.nat({ max: 100_000 }),
      }),
      { maxLength: 8 },
    ),
    emptied: fc.nat({ max: 3 }),
  })
  .map(({ baseOffset, producerId, gaps, records, emptied }) => {
    let offset = baseOffset;
    const next = (gap: number) => {
      offset += gap + 1;
      return offset - 1;
    };
    const placed = records.map((record, index) => ({ ...record, offset: next(gaps[index] ?? 0) }));
    const lastOffset = offset - 1 + emptied;
    return { baseOffset, lastOffset, producerId, records: placed, isAborted: false };
  });

/** As the model's batches are to be seen by a reader; their checksum is the model's own. */
function plainly({ baseOffset, lastOffset, producerId, records, marker }: StoredBatch): Buffer {
  if (marker) return encodeMarker(BigInt(baseOffset), BigInt(producerId), marker);
  return encodeRecordBatch({
    baseOffset: BigInt(baseOffset),
    producerId: BigInt(producerId),
    isTransactional: producerId >= 0,
    lastOffsetDelta: lastOffset - baseOffset,
    records: records.map(({ offset, ...record }) => ({ ...record, offsetDelta: offset - baseOffset })),
  });
}

test('a batch of the model is encoded as any other, but for its checksum', () => {
  fc.assert(
    fc.property(batch, (stored) => {
      const found = encodeStoredBatch(stored);
      found.writeUInt32BE(0, CRC);
      expect(found).toEqual(plainly(stored));
    }),
  );
});

test.for(['commit', 'abort'] as const)('a %s marker of the model is encoded as any other', (marker) => {
  for (const producerId of [1, 1_000_000]) {
    const stored = {
      baseOffset: 70_000,
      lastOffset: 70_000,
      producerId,
      records: [],
      isAborted: false,
      marker,
    };
    expect(encodeStoredBatch(stored)).toEqual(plainly(stored));
  }
});
