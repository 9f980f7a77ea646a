import { printable, type DeadLetterReason, type DecodedDeadLetter } from '@clickstream/schema';
import { excerptOf } from './excerpt.ts';
import type { LineStyle } from './line-style.ts';

/** A dead letter as one JSON object: times in ms since the epoch, bytes that are no UTF-8 as base64. */
export interface DeadLetterObject {
  readonly reason: DeadLetterReason;
  readonly detail: string;
  /** Kafka timestamp of the dead letter. */
  readonly writtenAt: number;
  /** Where the click was, and its Kafka timestamp there. */
  readonly topic: string;
  readonly partition: number;
  /** Decimal. */
  readonly offset: string;
  readonly ingestTime: number;
  /** Only if the click was cut: the bytes before. */
  readonly originalSize?: number;
  /** Only of what came too late: the stream time that made it so, and the starts of the windows missed. */
  readonly streamTime?: number;
  readonly missedWindows?: readonly number[];
  readonly key?: string | null;
  readonly keyBase64?: string;
  readonly value?: string | null;
  readonly valueBase64?: string;
}

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Describes a dead letter whole. `writtenAt`: its Kafka timestamp. */
export function describeDeadLetter(letter: DecodedDeadLetter, writtenAt: number): DeadLetterObject {
  const { originalSizeBytes, streamTimeMs, missedWindows } = letter;
  return {
    reason: letter.reason,
    detail: letter.detail,
    writtenAt,
    topic: letter.topic,
    partition: letter.partition,
    offset: letter.offset.toString(),
    ingestTime: letter.timestampMs,
    ...(originalSizeBytes !== undefined && { originalSize: originalSizeBytes }),
    ...(streamTimeMs !== undefined && { streamTime: streamTimeMs }),
    ...(missedWindows && { missedWindows }),
    ...textOrBase64('key', letter.key),
    ...textOrBase64('value', letter.value),
  };
}

function textOrBase64(name: 'key' | 'value', bytes: Buffer | null): Partial<DeadLetterObject> {
  try {
    return { [name]: bytes && strictUtf8.decode(bytes) };
  } catch {
    return { [`${name}Base64`]: bytes?.toString('base64') };
  }
}

/**
 * A dead letter as one line for people, such as
 * `2026-03-22T12:38:31.123Z malformed user_clickstream [2] @ 17: unknown-form: …: "hello"`.
 */
export function deadLetterLine(letter: DecodedDeadLetter, writtenAt: number, style: LineStyle): string {
  const { reason, detail, topic, partition, offset, value, originalSizeBytes } = letter;
  const origin = `${printable(topic)} [${partition}] @ ${offset}`;
  const excerpt = value ? `"${excerptOf(value)}"` : 'no value';
  const cut = originalSizeBytes === undefined ? '' : ` (cut, had ${originalSizeBytes} bytes)`;
  return `${style.faint(isoTime(writtenAt))} ${style.warning(reason)} ${origin}: ${printable(detail)}: ${excerpt}${cut}`;
}

/** A record may have no timestamp (-1), or any. */
function isoTime(ms: number): string {
  const time = new Date(ms);
  return ms < 0 || Number.isNaN(time.getTime()) ? 'no time' : time.toISOString();
}
