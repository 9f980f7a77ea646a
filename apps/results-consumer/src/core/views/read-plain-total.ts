import { CLICK_EVENT_LIMITS } from '@clickstream/schema';
import type { ViewRecord } from './view-record.ts';

/** What a running total says, where it stands: the url is the range `[urlStart, urlEnd)` of the record's bytes. */
export interface PlainTotal {
  clicks: number;
  lastClickAt: number;
  urlStart: number;
  urlEnd: number;
}

const BEFORE_USER = Buffer.from('{"userId":"');
const BEFORE_CLICKS = Buffer.from('","clicks":');
const BEFORE_LAST_CLICK_AT = Buffer.from(',"lastClickAt":');
const BEFORE_LAST_URL = Buffer.from(',"lastUrl":"');
const AFTER_LAST_URL = Buffer.from('"}');
const ZERO = 0x30;
const SPACE = 0x20;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const DELETE = 0x7f;
/** So many digits are always exact as a number. */
const DIGITS_MAX = 15;
const NONE = -1;

/**
 * Reads a running total as the aggregator writes it, JSON in plain ASCII without escapes, in place: nothing is
 * allocated, which for a million totals at the start makes a few seconds and a few hundred megabytes. A property test
 * holds it to `decodeRunningTotal`, which reads all others.
 *
 * @param into takes what it says.
 * @returns whether it is one of that form.
 */
export function readPlainTotal(record: ViewRecord, into: PlainTotal): boolean {
  const { bytes, keyStart, keyEnd, valueStart, valueEnd } = record;
  const keyLength = keyEnd - keyStart;
  if (keyStart < 0 || keyLength === 0 || keyLength > CLICK_EVENT_LIMITS.userIdLength.max) return false;
  if (valueStart < 0 || !standsAt(BEFORE_USER, bytes, valueStart, valueEnd)) return false;
  let at = valueStart + BEFORE_USER.length;
  if (at + keyLength > valueEnd) return false;
  for (let index = keyStart; index < keyEnd; index += 1, at += 1) {
    const byte = bytes[index] ?? 0;
    if (!isPlain(byte) || bytes[at] !== byte) return false;
  }

  if (!standsAt(BEFORE_CLICKS, bytes, at, valueEnd)) return false;
  const clicksStart = at + BEFORE_CLICKS.length;
  const clicksEnd = endOfDigits(bytes, clicksStart, valueEnd);
  into.clicks = numberAt(bytes, clicksStart, clicksEnd);
  if (into.clicks < 1) return false;

  if (!standsAt(BEFORE_LAST_CLICK_AT, bytes, clicksEnd, valueEnd)) return false;
  const timeStart = clicksEnd + BEFORE_LAST_CLICK_AT.length;
  const timeEnd = endOfDigits(bytes, timeStart, valueEnd);
  into.lastClickAt = numberAt(bytes, timeStart, timeEnd);
  if (into.lastClickAt === NONE || into.lastClickAt > CLICK_EVENT_LIMITS.timestampMs.max) return false;

  if (!standsAt(BEFORE_LAST_URL, bytes, timeEnd, valueEnd)) return false;
  into.urlStart = timeEnd + BEFORE_LAST_URL.length;
  into.urlEnd = valueEnd - AFTER_LAST_URL.length;
  const urlLength = into.urlEnd - into.urlStart;
  if (urlLength < 1 || urlLength > CLICK_EVENT_LIMITS.urlLength.max) return false;
  for (let index = into.urlStart; index < into.urlEnd; index += 1)
    if (!isPlain(bytes[index] ?? 0)) return false;
  return standsAt(AFTER_LAST_URL, bytes, into.urlEnd, valueEnd);
}

/** Whether a byte stands for itself in JSON: printable ASCII that needs no escape. */
function isPlain(byte: number): boolean {
  return byte >= SPACE && byte < DELETE && byte !== QUOTE && byte !== BACKSLASH;
}

function standsAt(word: Buffer, bytes: Buffer, position: number, end: number): boolean {
  if (position + word.length > end) return false;
  for (let index = 0; index < word.length; index += 1)
    if (bytes[position + index] !== word[index]) return false;
  return true;
}

function endOfDigits(bytes: Buffer, start: number, end: number): number {
  let at = start;
  while (at < end && (bytes[at] ?? 0) >= ZERO && (bytes[at] ?? 0) <= ZERO + 9) at += 1;
  return at;
}

/** The whole number in `[start, end)`; {@link NONE} if there is none, it is too long, or begins with a needless 0. */
function numberAt(bytes: Buffer, start: number, end: number): number {
  const length = end - start;
  if (length === 0 || length > DIGITS_MAX || (length > 1 && bytes[start] === ZERO)) return NONE;
  let value = 0;
  for (let index = start; index < end; index += 1) value = value * 10 + (bytes[index] ?? ZERO) - ZERO;
  return value;
}
