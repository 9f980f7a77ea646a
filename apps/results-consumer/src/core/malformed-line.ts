import { printable, type Malformed, type MalformedReason } from '@clickstream/schema';
import type { LineStyle } from './line-style.ts';

const EXCERPT_LENGTH = 80;

/** A record that is no click: where it is, what is wrong and how it begins. */
export interface MalformedRecord {
  readonly reason: MalformedReason;
  readonly detail: string;
  readonly topic: string;
  readonly partition: number;
  /** Decimal. */
  readonly offset: string;
  /** The first 80 characters of the value as text, printable. */
  readonly excerpt: string;
}

/** Describes a record that did not decode. */
export function describeMalformed(
  { reason, detail }: Malformed,
  topic: string,
  partition: number,
  offset: bigint,
  value: Buffer | null,
): MalformedRecord {
  // A character has four bytes at most; one more shows whether anything is cut.
  const text = value?.subarray(0, (EXCERPT_LENGTH + 1) * 4).toString('utf8') ?? '';
  const characters = Array.from(text);
  const isCut = characters.length > EXCERPT_LENGTH;
  const excerpt = printable(characters.slice(0, EXCERPT_LENGTH).join('')) + (isCut ? '…' : '');
  return { reason, detail, topic, partition, offset: offset.toString(), excerpt };
}

/** A malformed record as one line for people. */
export function malformedLine(record: MalformedRecord, style: LineStyle): string {
  const { reason, detail, topic, partition, offset, excerpt } = record;
  return style.faint(
    `malformed record ${topic} [${partition}] @ ${offset}: ${reason}, ${detail}: "${excerpt}"`,
  );
}
