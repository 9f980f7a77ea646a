import { decodeUtf8 } from './decode-utf8.ts';
import type { Decoded } from './decoded.ts';
import { malformed } from './decoded.ts';
import type { RecordHeaders } from './record-headers.ts';

/**
 * Why a click is in the dead-letter topic; a closed list. Those from `late` on are counted in the running total and
 * listed for what they came too late for; the others are not counted at all.
 */
export const DEAD_LETTER_REASONS = [
  'malformed',
  'unsupported-version',
  'future',
  'too-large',
  'misrouted',
  'late',
  'missed',
  'session-late',
] as const;

/** One of {@link DEAD_LETTER_REASONS}. */
export type DeadLetterReason = (typeof DEAD_LETTER_REASONS)[number];

/** The size over which a click is rejected as `too-large`, in bytes as {@link recordSizeBytes} counts them. */
export const CLICK_RECORD_LIMIT_BYTES = 800 * 1024;

/**
 * The size that a dead letter never exceeds, in bytes: with Kafka's default `max.message.bytes` of 1 MiB it always fits. No
 * click within its own limit is cut, since what is said of it takes at most 20 KiB: the detail, and 1,000 missed windows.
 */
export const DEAD_LETTER_LIMIT_BYTES = CLICK_RECORD_LIMIT_BYTES + 32 * 1024;

/** A rejected record with its origin, as received. `timestampMs` is the Kafka timestamp of the rejected record. */
export interface DeadLetter {
  readonly reason: DeadLetterReason;
  /** One line for people; cut to 1024 characters. */
  readonly detail: string;
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
  readonly timestampMs: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: RecordHeaders;
  /** What made a `late`, `missed` or `session-late` click so: stream time when it came, ms since the epoch. */
  readonly streamTimeMs?: number;
  /** Starts of the windows that a `missed` click came too late for, ms since the epoch; at least one. */
  readonly missedWindows?: readonly number[];
}

/** A dead letter as a record to send; the headers are an object without prototype, repeated names hold a list. */
export interface EncodedDeadLetter {
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: Record<string, Buffer | Buffer[]>;
}

/** A dead letter as read: `originalSizeBytes` only if it had to be cut. */
export interface DecodedDeadLetter extends DeadLetter {
  readonly originalSizeBytes?: number;
}

type RecordHeader = RecordHeaders[number];

const PREFIX = 'dead-letter-';
const ORIGINAL_SIZE = 'dead-letter-original-size';
const DETAIL_LENGTH_MAX = 1024;
/** Two varints frame a header's name and value, five bytes each at most. */
const HEADER_FRAME_BYTES = 10;
/** As long as a 64-bit integer can be. */
const INTEGER = /^-?\d{1,19}$/;

/**
 * The size of a record as it is held against {@link CLICK_RECORD_LIMIT_BYTES} and {@link DEAD_LETTER_LIMIT_BYTES}: key, value, header names and values, and
 * 10 bytes a header for its framing.
 */
export function recordSizeBytes(record: {
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: RecordHeaders;
}): number {
  return (record.key?.length ?? 0) + (record.value?.length ?? 0) + sizeOf(record.headers);
}

/**
 * Encodes a dead letter: key, value and headers as received, reason, detail and origin in `dead-letter-*` headers,
 * which replace any that the rejected record had. What is over {@link DEAD_LETTER_LIMIT_BYTES} is cut, and
 * `dead-letter-original-size` then tells the size before: key and headers keep a quarter of the room at most (the last
 * header that fits in part is cut, those after it are dropped), the value the rest.
 */
export function encodeDeadLetter(letter: DeadLetter): EncodedDeadLetter {
  const received = letter.headers.filter(([name]) => !name.startsWith(PREFIX));
  const own: RecordHeader[] = [
    ownHeader('reason', letter.reason),
    ownHeader('detail', letter.detail.slice(0, DETAIL_LENGTH_MAX)),
    ownHeader('topic', letter.topic),
    ownHeader('partition', String(letter.partition)),
    ownHeader('offset', String(letter.offset)),
    ownHeader('timestamp', String(letter.timestampMs)),
  ];
  if (letter.streamTimeMs !== undefined) own.push(ownHeader('stream-time', String(letter.streamTimeMs)));
  if (letter.missedWindows !== undefined) own.push(ownHeader('windows', letter.missedWindows.join(',')));
  const { key, value } = letter;
  const sizeBytes = (key?.length ?? 0) + (value?.length ?? 0) + sizeOf(received) + sizeOf(own);
  if (sizeBytes <= DEAD_LETTER_LIMIT_BYTES) {
    return { key, value, headers: headerRecord([...received, ...own]) };
  }
  own.push([ORIGINAL_SIZE, Buffer.from(String(recordSizeBytes(letter)))]);
  const roomBytes = DEAD_LETTER_LIMIT_BYTES - sizeOf(own);
  const quarterBytes = Math.floor(roomBytes / 4);
  const cutKey = key?.subarray(0, quarterBytes) ?? null;
  const cutHeaders = cutToFit(received, quarterBytes);
  const valueBytes = roomBytes - (cutKey?.length ?? 0) - sizeOf(cutHeaders);
  return {
    key: cutKey,
    value: value?.subarray(0, valueBytes) ?? null,
    headers: headerRecord([...cutHeaders, ...own]),
  };
}

/**
 * Decodes what {@link encodeDeadLetter} wrote; `headers` of the result are those of the rejected record. Never throws:
 * a record without the `dead-letter-*` headers, or with a reason not in {@link DEAD_LETTER_REASONS}, is malformed.
 */
export function decodeDeadLetter(record: {
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: RecordHeaders;
}): Decoded<DecodedDeadLetter> {
  const own = new Map<string, string | undefined>();
  for (const [name, value] of record.headers) {
    if (name.startsWith(PREFIX)) own.set(name.slice(PREFIX.length), decodeUtf8(value, 0, value.length));
  }
  const missing = (name: string) => malformed('bad-header', `header ${PREFIX}${name} is missing or wrong`);
  const reason = DEAD_LETTER_REASONS.find((known) => known === own.get('reason'));
  if (reason === undefined) return missing('reason');
  const detail = own.get('detail');
  if (detail === undefined) return missing('detail');
  const topic = own.get('topic');
  if (topic === undefined) return missing('topic');
  const partition = safeInteger(own.get('partition'));
  if (partition === undefined) return missing('partition');
  const offset = own.get('offset');
  if (offset === undefined || !INTEGER.test(offset)) return missing('offset');
  const timestampMs = safeInteger(own.get('timestamp'));
  if (timestampMs === undefined) return missing('timestamp');
  const originalSizeBytes = safeInteger(own.get('original-size'));
  if (own.has('original-size') && originalSizeBytes === undefined) return missing('original-size');
  const streamTimeMs = safeInteger(own.get('stream-time'));
  if (own.has('stream-time') && streamTimeMs === undefined) return missing('stream-time');
  const missedWindows: number[] = [];
  for (const text of own.get('windows')?.split(',') ?? []) {
    const windowStart = safeInteger(text);
    if (windowStart === undefined) return missing('windows');
    missedWindows.push(windowStart);
  }
  return {
    status: 'decoded',
    value: {
      reason,
      detail,
      topic,
      partition,
      offset: BigInt(offset),
      timestampMs,
      key: record.key,
      value: record.value,
      headers: record.headers.filter(([name]) => !name.startsWith(PREFIX)),
      ...(originalSizeBytes === undefined ? {} : { originalSizeBytes }),
      ...(streamTimeMs === undefined ? {} : { streamTimeMs }),
      ...(own.has('windows') ? { missedWindows } : {}),
    },
  };
}

function ownHeader(name: string, value: string): RecordHeader {
  return [PREFIX + name, Buffer.from(value)];
}

function safeInteger(text: string | undefined): number | undefined {
  if (text === undefined || !INTEGER.test(text)) return undefined;
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : undefined;
}

/** Without a prototype, so that a header named `__proto__` is one more name. */
function headerRecord(list: RecordHeaders): Record<string, Buffer | Buffer[]> {
  const record = Object.create(null) as Record<string, Buffer | Buffer[]>;
  for (const [name, value] of list) {
    const earlier = record[name];
    if (earlier === undefined) record[name] = value;
    else if (Array.isArray(earlier)) earlier.push(value);
    else record[name] = [earlier, value];
  }
  return record;
}

function sizeOf(list: RecordHeaders): number {
  return list.reduce((bytes, [name, value]) => bytes + frameBytes(name) + value.length, 0);
}

function frameBytes(name: string): number {
  return HEADER_FRAME_BYTES + Buffer.byteLength(name);
}

function cutToFit(list: RecordHeaders, roomBytes: number): RecordHeader[] {
  const kept: RecordHeader[] = [];
  let leftBytes = roomBytes;
  for (const [name, value] of list) {
    leftBytes -= frameBytes(name);
    if (leftBytes < 0) break;
    kept.push([name, value.subarray(0, leftBytes)]);
    leftBytes -= value.length;
    if (leftBytes < 0) break;
  }
  return kept;
}
