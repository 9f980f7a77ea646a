import type { RecordCursor } from './fetched-batch.ts';
import type { ForwardedFrom, InputName } from './task-logic.ts';

/** Where a forwarded record was read first, which is its identity, and what it was like there. */
export interface RecordOrigin {
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
  /** Kafka timestamp of the record there, ms since the epoch. */
  readonly timestampMs: number;
  readonly key: Buffer | null;
  readonly headers: readonly (readonly [name: string, value: Buffer])[];
}

const TOPIC = 'origin-topic';
const PARTITION = 'origin-partition';
const OFFSET = 'origin-offset';
const TIMESTAMP = 'origin-timestamp';
/** Only where the key was another than it is forwarded under. */
const KEY = 'origin-key';
/** Only where there was no key. */
const KEYLESS = 'origin-keyless';
const OWN_NAMES: ReadonlySet<string> = new Set([TOPIC, PARTITION, OFFSET, TIMESTAMP, KEY, KEYLESS]);

/** The headers of a record that is forwarded under `key`: its own, where it was read, and its own key. */
export function forwardHeaders(
  record: RecordCursor,
  key: Buffer,
  { topic, partition }: { topic: string; partition: number },
): Record<string, Buffer | Buffer[]> {
  const headers = Object.create(null) as Record<string, Buffer | Buffer[]>;
  for (const [name, value] of record.headers()) {
    if (OWN_NAMES.has(name)) continue;
    const earlier = headers[name];
    if (earlier === undefined) headers[name] = value;
    else if (Array.isArray(earlier)) earlier.push(value);
    else headers[name] = [earlier, value];
  }
  headers[TOPIC] = Buffer.from(topic);
  headers[PARTITION] = Buffer.from(String(partition));
  headers[OFFSET] = Buffer.from(String(record.offset));
  headers[TIMESTAMP] = Buffer.from(String(record.timestampMs));
  const ownKey = record.key();
  if (ownKey === null) headers[KEYLESS] = Buffer.alloc(0);
  else if (!ownKey.equals(key)) headers[KEY] = ownKey;
  return headers;
}

/** Where a record of one of a task's inputs was read first, if it was one of our tasks that forwarded it. */
export function forwardedFrom(
  input: InputName,
  record: RecordCursor,
  { inputTopic, partitions }: { readonly inputTopic: string; readonly partitions: number },
): ForwardedFrom {
  if (input === 'input') return undefined;
  const origin = originOf(record);
  return origin?.topic === inputTopic && origin.partition < partitions ? origin : 'unknown';
}

/** Where a record of the repartition topic came from; undefined if its headers do not say so. */
export function originOf(record: RecordCursor): RecordOrigin | undefined {
  const headers = record.headers();
  const found = new Map(headers);
  const topic = found.get(TOPIC)?.toString('utf8');
  const partition = integer(found.get(PARTITION));
  const offset = integer(found.get(OFFSET));
  const timestamp = integer(found.get(TIMESTAMP));
  if (topic === undefined || partition === undefined || offset === undefined || timestamp === undefined)
    return undefined;
  // Only the timestamp may be negative: what is here goes into the checkpoint.
  if (partition < 0n || partition > 0x7fffffffn || offset < 0n) return undefined;
  return {
    topic,
    partition: Number(partition),
    offset,
    timestampMs: Number(timestamp),
    key: found.has(KEYLESS) ? null : (found.get(KEY) ?? record.key()),
    headers: headers.filter(([name]) => !OWN_NAMES.has(name)),
  };
}

function integer(header: Buffer | undefined): bigint | undefined {
  const digits = header?.toString('latin1');
  // A record without timestamp has -1.
  return digits !== undefined && /^-?\d{1,19}$/.test(digits) ? BigInt(digits) : undefined;
}
