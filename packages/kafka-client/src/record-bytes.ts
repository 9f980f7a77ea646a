import type { OutgoingRecord } from './record-producer.ts';

/** What a record, or a header of it, takes beside its contents, at most. */
const OVERHEAD_BYTES = 32;

/** An upper bound of the bytes that a record takes in a request. */
export function recordBytes({ key, value, headers }: OutgoingRecord): number {
  let bytes = OVERHEAD_BYTES + (key?.length ?? 0) + (value?.length ?? 0);
  if (headers)
    for (const [name, values] of Object.entries(headers))
      for (const one of Array.isArray(values) ? values : [values])
        bytes += Buffer.byteLength(name) + Buffer.byteLength(one) + OVERHEAD_BYTES;
  return bytes;
}
