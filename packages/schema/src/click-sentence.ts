import { checkClickEvent } from './check-click-event.ts';
import type { ClickEvent } from './click-event-schema.ts';
import { CLICK_EVENT_LIMITS } from './click-event-limits.ts';
import { decodeUtf8 } from './decode-utf8.ts';
import type { Decoded } from './decoded.ts';
import { malformed } from './decoded.ts';

const USER = Buffer.from('User ');
const CLICKED_ON = Buffer.from(' clicked on ');
const AT = Buffer.from(' at ');
const SENTENCE = /^User (\S+) clicked on (\S+) at (\d+(?:\.\d+)?)$/;
const SPACE = 0x20;
const DOT = 0x2e;
const ZERO = 0x30;
const DELETE = 0x7f;
const NOT_SECONDS = -1;

/**
 * Decodes `User <id> clicked on <url> at <seconds>` in place.
 *
 * The scan below takes plain ASCII sentences within the limits, which is nearly all of them, and is several times as
 * fast as the expression; whatever else it meets goes to {@link decodeAnySentence}, which knows what was wrong.
 */
export function decodeClickSentence(bytes: Buffer, start: number, end: number): Decoded<ClickEvent> {
  const userStart = start + USER.length;
  if (!standsAt(USER, bytes, start, end)) return decodeAnySentence(bytes, start, end);
  const userEnd = endOfWord(bytes, userStart, end);
  if (!standsAt(CLICKED_ON, bytes, userEnd, end)) return decodeAnySentence(bytes, start, end);
  const urlStart = userEnd + CLICKED_ON.length;
  const urlEnd = endOfWord(bytes, urlStart, end);
  if (!standsAt(AT, bytes, urlEnd, end)) return decodeAnySentence(bytes, start, end);
  const timestamp = parseMilliseconds(bytes, urlEnd + AT.length, end);
  if (
    timestamp === NOT_SECONDS ||
    timestamp > CLICK_EVENT_LIMITS.timestampMs.max ||
    userEnd === userStart ||
    userEnd - userStart > CLICK_EVENT_LIMITS.userIdLength.max ||
    urlEnd === urlStart ||
    urlEnd - urlStart > CLICK_EVENT_LIMITS.urlLength.max
  ) {
    return decodeAnySentence(bytes, start, end);
  }
  return {
    status: 'decoded',
    value: {
      userId: bytes.toString('latin1', userStart, userEnd),
      url: bytes.toString('latin1', urlStart, urlEnd),
      timestamp,
    },
  };
}

/** The grammar as its expression; also takes ids and urls beyond ASCII, and says what is wrong with a bad sentence. */
function decodeAnySentence(bytes: Buffer, start: number, end: number): Decoded<ClickEvent> {
  const text = decodeUtf8(bytes, start, end);
  if (text === undefined) return malformed('not-utf8', 'the sentence is not valid UTF-8');
  const [, userId, url, seconds] = SENTENCE.exec(text) ?? [];
  if (userId === undefined || url === undefined || seconds === undefined) {
    return malformed('bad-sentence', 'expected: User <id> clicked on <url> at <seconds since the epoch>');
  }
  const digits = Buffer.from(seconds, 'latin1');
  const value = { userId, url, timestamp: parseMilliseconds(digits, 0, digits.length) };
  const problem = checkClickEvent(value);
  return problem === undefined ? { status: 'decoded', value } : malformed('bad-field', problem);
}

function standsAt(word: Buffer, bytes: Buffer, position: number, end: number): boolean {
  if (position + word.length > end) return false;
  for (let index = 0; index < word.length; index += 1) {
    if (bytes[position + index] !== word[index]) return false;
  }
  return true;
}

/** The position after the printable ASCII word that begins at `position`; `position` itself if there is none. */
function endOfWord(bytes: Buffer, position: number, end: number): number {
  let index = position;
  while (index < end) {
    const byte = bytes[index] ?? SPACE;
    if (byte <= SPACE || byte >= DELETE) break;
    index += 1;
  }
  return index;
}

/**
 * Milliseconds of `\d+(\.\d+)?` seconds, rounded down; {@link NOT_SECONDS} for anything else.
 *
 * Digit by digit, because `parseFloat('0.29') * 1000` and its like are off by one. Seconds too many for an integer
 * grow inexact, then infinite, and stay far above the limit that the caller checks.
 */
function parseMilliseconds(bytes: Buffer, start: number, end: number): number {
  let position = start;
  let seconds = 0;
  for (; position < end; position += 1) {
    const digit = (bytes[position] ?? 0) - ZERO;
    if (digit < 0 || digit > 9) break;
    seconds = seconds * 10 + digit;
  }
  if (position === start) return NOT_SECONDS;
  if (position === end) return seconds * 1000;
  if (bytes[position] !== DOT || position + 1 === end) return NOT_SECONDS;
  const fractionStart = position + 1;
  let fractionMs = 0;
  for (position = fractionStart; position < end; position += 1) {
    const digit = (bytes[position] ?? 0) - ZERO;
    if (digit < 0 || digit > 9) return NOT_SECONDS;
    if (position < fractionStart + 3) fractionMs = fractionMs * 10 + digit;
  }
  if (end === fractionStart + 1) fractionMs *= 100;
  else if (end === fractionStart + 2) fractionMs *= 10;
  return seconds * 1000 + fractionMs;
}

/** `1711111111.123`: seconds since the epoch, always with three decimals, of integer milliseconds. */
export function formatSeconds(timestampMs: number): string {
  const digits = String(timestampMs).padStart(4, '0');
  return `${digits.slice(0, -3)}.${digits.slice(-3)}`;
}
