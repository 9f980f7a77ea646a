import { z } from 'zod';
import { CLICK_EVENT_LIMITS } from './click-event-limits.ts';
import { decodeJson } from './decode-json.ts';
import { decodeUtf8 } from './decode-utf8.ts';
import type { Decoded } from './decoded.ts';
import { malformed } from './decoded.ts';
import { lineOfText } from './line-of-text.ts';
import { printable } from './printable.ts';
import type { RecordFormat } from './record-format.ts';

const limits = CLICK_EVENT_LIMITS;

/** A user's running total; bounds are those of the clicks it was counted from. */
export const runningTotalSchema = z.object({
  userId: lineOfText(limits.userIdLength),
  clicks: z.int().min(1),
  lastClickAt: z.int().min(limits.timestampMs.min).max(limits.timestampMs.max),
  lastUrl: lineOfText(limits.urlLength),
});

/**
 * All clicks of a user so far: absolute, never a delta. `lastClickAt` (event time, integer milliseconds) and
 * `lastUrl` belong to the click with the greatest event time.
 */
export type RunningTotal = z.infer<typeof runningTotalSchema>;

/** A running total as a record: key and value in UTF-8, headers with the sentence form only. */
export interface EncodedRunningTotal {
  readonly key: string;
  readonly value: string;
  readonly headers?: Record<string, string>;
}

const OPENING_BRACE = 0x7b;
const LETTER_U = 0x55;
const LAST_CLICK_AT = 'lastClickAt';
const LAST_URL = 'lastUrl';
const COUNT = / has clicked ([1-9]\d*) times\.$/;
const DIGITS = /^\d+$/;

/**
 * Encodes a running total; the sentence carries `lastClickAt` (decimal milliseconds) and `lastUrl` as headers. Text is
 * written raw and not checked again: it comes from decoded clicks.
 */
export function encodeRunningTotal(total: RunningTotal, format: RecordFormat): EncodedRunningTotal {
  const { userId, clicks, lastClickAt, lastUrl } = total;
  if (format === 'json') {
    return { key: userId, value: JSON.stringify({ userId, clicks, lastClickAt, lastUrl }) };
  }
  return {
    key: userId,
    value: sentence(userId, clicks),
    headers: { [LAST_CLICK_AT]: String(lastClickAt), [LAST_URL]: lastUrl },
  };
}

/**
 * Decodes a running total of either form; the key must be the user id. Never throws.
 *
 * @param header gives a header's value by name; asked for by the sentence form only
 */
export function decodeRunningTotal(
  key: Buffer | null,
  value: Buffer | null,
  header: (name: string) => Buffer | null | undefined,
): Decoded<RunningTotal> {
  if (value === null || value.length === 0) return malformed('no-value', 'the record has no value');
  if (key === null) return malformed('key-mismatch', 'the record has no key');
  const userId = decodeUtf8(key, 0, key.length);
  if (userId === undefined) return malformed('not-utf8', 'the key is not valid UTF-8');
  if (value[0] === OPENING_BRACE) return decodeJsonTotal(userId, value);
  if (value[0] === LETTER_U) return decodeSentenceTotal(userId, value, header);
  return malformed('unknown-form', 'the first byte is neither { (JSON) nor U (sentence)');
}

/** The running total as the sentence for people: `User 42 has clicked 17 times.`, hostile text escaped. */
export function formatRunningTotal(total: Pick<RunningTotal, 'userId' | 'clicks'>): string {
  return sentence(printable(total.userId), total.clicks);
}

function sentence(userId: string, clicks: number | string): string {
  return `User ${userId} has clicked ${clicks} times.`;
}

function decodeJsonTotal(userId: string, value: Buffer): Decoded<RunningTotal> {
  const json = decodeJson(value, 0, value.length);
  if (json.status === 'malformed') return json;
  return checked(json.value, userId);
}

function decodeSentenceTotal(
  userId: string,
  value: Buffer,
  header: (name: string) => Buffer | null | undefined,
): Decoded<RunningTotal> {
  const text = decodeUtf8(value, 0, value.length);
  if (text === undefined) return malformed('not-utf8', 'the sentence is not valid UTF-8');
  const clicks = COUNT.exec(text)?.[1];
  if (clicks === undefined) {
    return malformed('bad-sentence', 'expected: User <id> has clicked <count> times.');
  }
  if (text !== sentence(userId, clicks)) {
    return malformed('key-mismatch', 'the sentence names another user than the key');
  }
  const lastClickAt = header(LAST_CLICK_AT)?.toString('latin1');
  if (lastClickAt === undefined || !DIGITS.test(lastClickAt)) {
    return malformed('bad-header', `header ${LAST_CLICK_AT} is missing or no number`);
  }
  const lastUrlBytes = header(LAST_URL);
  const lastUrl = lastUrlBytes ? decodeUtf8(lastUrlBytes, 0, lastUrlBytes.length) : undefined;
  if (lastUrl === undefined)
    return malformed('bad-header', `header ${LAST_URL} is missing or not valid UTF-8`);
  return checked({ userId, clicks: Number(clicks), lastClickAt: Number(lastClickAt), lastUrl }, userId);
}

function checked(value: unknown, userId: string): Decoded<RunningTotal> {
  const total = runningTotalSchema.safeParse(value);
  if (!total.success) {
    const issue = total.error.issues[0];
    return malformed('bad-field', `${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`);
  }
  if (total.data.userId !== userId) {
    return malformed('key-mismatch', 'userId is not the key of the record');
  }
  return { status: 'decoded', value: total.data };
}
