import type { Malformed, MalformedReason } from '@clickstream/schema';
import { excerptOf } from './excerpt.ts';
import type { LineStyle } from './line-style.ts';

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
  return { reason, detail, topic, partition, offset: offset.toString(), excerpt: excerptOf(value) };
}

/** A malformed record as one line for people. */
export function malformedLine(record: MalformedRecord, style: LineStyle): string {
  const { reason, detail, topic, partition, offset, excerpt } = record;
  const rest = style.faint(` ${topic} [${partition}] @ ${offset}: ${reason}, ${detail}: "${excerpt}"`);
  return style.warning('malformed record') + rest;
}
