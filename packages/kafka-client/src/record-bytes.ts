import type { OutgoingRecord } from './record-producer.ts';

/** What a record, or a header of it, takes beside its contents, at most. */
const OVERHEAD_BYTES = 32;
/** UTF-8 takes no more for one unit of UTF-16. */
const BYTES_PER_UNIT = 3;

/** An upper bound of the bytes that a record takes in a request. */
export function recordBytes({ key, value, headers }: OutgoingRecord): number {
  let bytes = OVERHEAD_BYTES + bytesOf(key) + bytesOf(value);
  for (const name in headers) {
    const values = headers[name];
    if (Array.isArray(values)) for (const one of values) bytes += headerBytes(name, one);
    else bytes += headerBytes(name, values);
  }
  return bytes;
}

function headerBytes(name: string, value: Buffer | string | undefined): number {
  return OVERHEAD_BYTES + bytesOf(name) + bytesOf(value);
}

/** Not counted exactly, which for each of ten headers of a record takes longer than the rest of its way. */
function bytesOf(content: Buffer | string | null | undefined): number {
  if (typeof content === 'string') return BYTES_PER_UNIT * content.length;
  return content?.length ?? 0;
}
