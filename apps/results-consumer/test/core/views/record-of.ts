import type { ViewRecord } from '../../../src/core/views/view-record.ts';

/** A record as the views read it. */
export function recordOf(
  key: string | Buffer | null,
  value: string | Buffer | null,
  headers: Readonly<Record<string, string | Buffer>> = {},
  timestampMs = 0,
): ViewRecord {
  const keyBytes = typeof key === 'string' ? Buffer.from(key) : key;
  const valueBytes = typeof value === 'string' ? Buffer.from(value) : value;
  const list = Object.entries(headers).map(([name, header]): [string, Buffer] => [name, Buffer.from(header)]);
  // Behind something else, as in a batch.
  const before = Buffer.from('before');
  const keyStart = keyBytes ? before.length : -1;
  const keyEnd = keyBytes ? before.length + keyBytes.length : -1;
  const valueStart = valueBytes ? before.length + (keyBytes?.length ?? 0) : -1;
  return {
    offset: 0n,
    timestampMs,
    bytes: Buffer.concat([before, keyBytes ?? '', valueBytes ?? '', before].map((part) => Buffer.from(part))),
    keyStart,
    keyEnd,
    valueStart,
    valueEnd: valueBytes ? valueStart + valueBytes.length : -1,
    key: () => keyBytes,
    value: () => valueBytes,
    header: (name) => list.findLast(([given]) => given === name)?.[1],
    headers: () => list,
  };
}
