import { decodeDeadLetter, type DeadLetterReason } from '@clickstream/schema';
import { shownText } from './shown-text.ts';
import type { ViewRecord } from './view-record.ts';

/** A dead letter as it is shown. */
export interface DeadLetterView {
  readonly reason: DeadLetterReason;
  readonly detail: string;
  /** Where the rejected record stands. */
  readonly topic: string;
  readonly partition: number;
  /** Decimal. */
  readonly offset: string;
  /** Kafka timestamp of the rejected record, ms since the epoch. */
  readonly timestamp: number;
  /** The key and the beginning of the value as text, what is no UTF-8 replaced; null for none. */
  readonly key: string | null;
  readonly value: string | null;
}

/** Counts of what the topic holds. */
export interface DeadLetterCounts {
  readonly total: number;
  readonly byReason: Readonly<Partial<Record<DeadLetterReason, number>>>;
  /** Whether all that were there at the start have been read; where not, there are at least that many. */
  readonly complete: boolean;
}

/** The most that are answered at once, and that are kept of each reason. */
export const DEAD_LETTERS_MAX = 100;

const VALUE_LENGTH = 512;
/** A character has four bytes at most. */
const EXCERPT_BYTES = 4 * (VALUE_LENGTH + 1);

/** Dead letters by reason: how many there are, and the newest of each. */
export class DeadLetters {
  readonly #counts = new Map<DeadLetterReason, number>();
  #isComplete = false;
  /** Oldest first by the time of the rejected record: partitions are read one before the other. */
  readonly #newest = new Map<DeadLetterReason, DeadLetterView[]>();

  /** Takes over a record of the dead-letter topic. @returns whether it could be read */
  apply(record: ViewRecord): boolean {
    const decoded = decodeDeadLetter({ key: record.key(), value: record.value(), headers: record.headers() });
    if (decoded.status === 'malformed') return false;
    const { reason, detail, topic, partition, offset, timestampMs, key, value } = decoded.value;
    this.#counts.set(reason, (this.#counts.get(reason) ?? 0) + 1);
    const letters = this.#newest.get(reason) ?? [];
    const place = letters.findLastIndex((letter) => letter.timestamp <= timestampMs) + 1;
    if (place === 0 && letters.length === DEAD_LETTERS_MAX) return true;
    letters.splice(place, 0, {
      reason,
      detail: shownText(detail),
      topic,
      partition,
      offset: offset.toString(),
      timestamp: timestampMs,
      key: key && excerpt(key),
      value: value && excerpt(value),
    });
    if (letters.length > DEAD_LETTERS_MAX) letters.shift();
    this.#newest.set(reason, letters);
    return true;
  }

  counts(): DeadLetterCounts {
    const total = [...this.#counts.values()].reduce((sum, count) => sum + count, 0);
    return { total, byReason: Object.fromEntries(this.#counts), complete: this.#isComplete };
  }

  /** All that were there at the start have been read. */
  setComplete(): void {
    this.#isComplete = true;
  }

  /** The newest of one reason or of all, newest first by the time of the rejected record. */
  newest(limit: number, reason?: DeadLetterReason): DeadLetterView[] {
    const letters = reason === undefined ? [...this.#newest.values()].flat() : this.#newest.get(reason);
    return (letters ?? [])
      .toReversed()
      .sort((first, second) => second.timestamp - first.timestamp)
      .slice(0, limit);
  }

  /** The newest of each reason. */
  examples(): DeadLetterView[] {
    return [...this.#newest.values()].flatMap((letters) => letters.at(-1) ?? []);
  }
}

function excerpt(bytes: Buffer): string {
  return shownText(bytes.toString('utf8', 0, EXCERPT_BYTES), VALUE_LENGTH);
}
