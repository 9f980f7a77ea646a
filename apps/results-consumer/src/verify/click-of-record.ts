import { isUtf8 } from 'node:buffer';
import type { RecordCursor } from '@clickstream/kafka-client';
import { z } from 'zod';

// The documented rules, packages/schema/README.md, written down a second time and in another way.

const MAX_RECORD_BYTES = 800 * 1024;
const HEADER_FRAME_BYTES = 10;
const MAX_LEVELS = 512;
const MAX_TIMESTAMP_MS = 253_402_300_799_999;
const MAX_ATTRIBUTES = 64;

const SENTENCE = /^User (?<userId>\S+) clicked on (?<url>\S+) at (?<seconds>\d+)(?:\.(?<fraction>\d+))?$/;
/** Where a click stood that was sent again: topic, partition, offset. */
const ORIGIN = /^[\w.-]{1,249}\/\d{1,10}\/\d{1,19}$/;
const VERSION = /^1(?:\.\d+)*$/;

const textOf = (min: number, max: number) =>
  z
    .string()
    .min(min)
    .max(max)
    .regex(/^[^\p{Cc}\p{Cs}]*$/u);
const userId = textOf(1, 256);
const url = textOf(1, 8192);
const timestamp = z.int().min(0).max(MAX_TIMESTAMP_MS);
const attributeName = textOf(0, 256);
const attributeValue = z.union([
  z
    .string()
    .max(2048)
    .regex(/^\P{Cs}*$/u),
  z.number(),
  z.boolean(),
  z.null(),
]);

const sentenceClick = z.object({ userId, url, timestamp });
const jsonClick = z.object({
  eventId: textOf(1, 256),
  userId,
  url,
  timestamp,
  sessionId: textOf(1, 256).optional(),
  referrer: textOf(0, 8192).optional(),
  userAgent: textOf(0, 2048).optional(),
  attributes: z.custom((value) => areAttributes(value)).optional(),
});

/** A click, as far as it is counted anew. */
export interface Click {
  readonly userId: string;
  /** What tells it from others of its user; a sentence has none, unless it was sent again. */
  readonly id: string | undefined;
  readonly url: string;
  /** Event time, ms since the epoch. */
  readonly timestamp: number;
}

/** Why a record is no click. */
export type NoClick = 'too-large' | 'unsupported-version' | 'malformed';

/** The click that a record is, or why it is to be rejected. */
export function clickOfRecord(record: RecordCursor): Click | NoClick {
  if (sizeOf(record) > MAX_RECORD_BYTES) return 'too-large';
  const version = record.header('schema-version');
  if (version !== undefined && !VERSION.test(version.toString('latin1'))) return 'unsupported-version';
  const value = record.value();
  if (value === null || !isUtf8(value)) return 'malformed';
  const text = value.toString('utf8');
  if (text.startsWith('{')) return clickOfJson(text) ?? 'malformed';
  return (text.startsWith('U') ? clickOfSentence(text, record) : undefined) ?? 'malformed';
}

function clickOfJson(text: string): Click | undefined {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return undefined;
  }
  // A level takes two brackets, so that short records need no look.
  if (text.length > 2 * MAX_LEVELS && isDeeperThan(MAX_LEVELS, json)) return undefined;
  const click = jsonClick.safeParse(json).data;
  return click && { userId: click.userId, id: click.eventId, url: click.url, timestamp: click.timestamp };
}

function clickOfSentence(text: string, record: RecordCursor): Click | undefined {
  const parts = SENTENCE.exec(text)?.groups;
  if (!parts) return undefined;
  const timestampMs = Number(`${parts['seconds'] ?? ''}${`${parts['fraction'] ?? ''}000`.slice(0, 3)}`);
  const click = sentenceClick.safeParse({ ...parts, timestamp: timestampMs }).data;
  const origin = record.header('click-origin')?.toString('latin1');
  return click && { ...click, id: origin !== undefined && ORIGIN.test(origin) ? origin : undefined };
}

function isDeeperThan(levels: number, value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((inner) => isDeeperThan(levels - 1, inner));
}

function areAttributes(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const entries = Object.entries(value);
  return (
    entries.length <= MAX_ATTRIBUTES &&
    entries.every(
      ([name, attribute]) =>
        attributeName.safeParse(name).success && attributeValue.safeParse(attribute).success,
    )
  );
}

function sizeOf(record: RecordCursor): number {
  const contentBytes = (record.key()?.length ?? 0) + (record.value()?.length ?? 0);
  return record
    .headers()
    .reduce(
      (bytes, [name, value]) => bytes + HEADER_FRAME_BYTES + Buffer.byteLength(name) + value.length,
      contentBytes,
    );
}
