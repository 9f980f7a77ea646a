import type { SilentPartition } from './feed-silence.ts';

/** Why there is nothing new: Kafka is silent, or what was there is still being read. */
export interface NotReady {
  readonly code: 'reading' | 'silent';
  readonly reason: string;
  /** How long Kafka has been silent, ms. */
  readonly silenceMs?: number;
  /** Such as `user_clickstream [2]`, if it is this partition and not all of Kafka. */
  readonly partition?: string;
}

/** A broker answers a fetch within 250 ms. */
const SILENCE_LIMIT_MS = 10_000;

/**
 * Why it cannot serve now; undefined when it can. Silence comes first: who reads what there is may wait for Kafka as well.
 *
 * @param silenceMs how long all of Kafka has been silent.
 * @param silent the partition of which nothing has come for longest.
 */
export function whyNotReady(
  isReady: boolean,
  silenceMs: number,
  silent: SilentPartition | undefined,
): NotReady | undefined {
  if (silenceMs > SILENCE_LIMIT_MS)
    return {
      code: 'silent',
      reason: `no answer from Kafka for ${seconds(silenceMs)}`,
      silenceMs: Math.round(silenceMs),
    };
  if (silent && silent.silenceMs > SILENCE_LIMIT_MS)
    return {
      code: 'silent',
      reason: `no answer from Kafka for a partition for ${seconds(silent.silenceMs)}`,
      silenceMs: Math.round(silent.silenceMs),
      partition: silent.name,
    };
  return isReady ? undefined : { code: 'reading', reason: 'still reading what was there at the start' };
}

function seconds(ms: number): string {
  return `${Math.round(ms / 1_000)} s`;
}
