import type { RecordCursor } from '@clickstream/kafka-client';

/** A record that stands alone, as a walk over a batch shows it. */
export function recordOf(
  value: Buffer | string | null,
  { key = null, headers = [] }: { key?: Buffer | null; headers?: [name: string, value: Buffer][] } = {},
): RecordCursor {
  const valueBytes = typeof value === 'string' ? Buffer.from(value) : value;
  const bytes = Buffer.concat([key ?? Buffer.alloc(0), valueBytes ?? Buffer.alloc(0)]);
  const keyBytes = key?.length ?? 0;
  return {
    next: () => false,
    offset: 0n,
    timestampMs: 0,
    bytes,
    batchBaseOffset: 0n,
    batchCrc: 0,
    keyStart: key ? 0 : -1,
    keyEnd: key ? keyBytes : -1,
    valueStart: valueBytes ? keyBytes : -1,
    valueEnd: valueBytes ? bytes.length : -1,
    key: () => key,
    value: () => valueBytes,
    header: (name) => headers.findLast(([given]) => given === name)?.[1],
    headers: () => headers,
  };
}
