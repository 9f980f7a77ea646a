import {
  DEAD_LETTER_LIMIT_BYTES,
  decodeClickEvent,
  decodeRunningTotal,
  encodeDeadLetter,
  encodeRunningTotal,
  isSupportedSchemaVersion,
  recordSizeBytes,
  schemaVersionHeader,
  type DeadLetterReason,
  type RecordFormat,
} from '@clickstream/schema';
import { ClickCounter } from './click-counter.ts';

/** A record, as far as counting needs it; the client's record cursor is one. */
export interface ClickRecord {
  readonly offset: bigint;
  /** Ingest time, ms since the epoch. */
  readonly timestampMs: number;
  readonly bytes: Buffer;
  readonly keyStart: number;
  readonly keyEnd: number;
  readonly valueStart: number;
  readonly valueEnd: number;
  key(): Buffer | null;
  value(): Buffer | null;
  header(name: string): Buffer | undefined;
  headers(): [name: string, value: Buffer][];
}

/** Where a record was read first. */
export interface ClickOrigin {
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
  readonly timestampMs: number;
}

/** Where results, dead letters and forwarded clicks go. */
export interface ClickOutput<Record> {
  write(record: {
    topic: string;
    key: Buffer | null;
    value: Buffer | null;
    headers?: Readonly<globalThis.Record<string, Buffer | string | (Buffer | string)[]>>;
  }): void;
  forward(record: Record, homePartition: number, key: Buffer): void;
}

export interface ClickTopologyOptions {
  /** The partition of `clicks` that this topology counts. */
  readonly partition: number;
  readonly topics: { readonly clicks: string; readonly totals: string; readonly deadLetters: string };
  /** The partition where all clicks of a user are counted; the same function for every process. */
  readonly homeOf: (userId: Buffer) => number;
  readonly format: RecordFormat;
  /** One total per user and `flush`, or one per click. */
  readonly emit: 'coalesced' | 'every';
}

/** A total read back from its topic that does not decode, so that counting on would lose what it held. */
export class UnreadableTotalError extends Error {
  override readonly name = 'UnreadableTotalError';
}

/**
 * The aggregation of one partition: records in; results, dead letters and forwarded clicks out. No record is
 * dropped and none throws: what cannot be counted becomes a dead letter that says why.
 */
export class ClickTopology<Record extends ClickRecord> {
  readonly #options: ClickTopologyOptions;
  readonly #counter = new ClickCounter();
  /** Users whose total is to be published by `flush`, in the order of their first change. */
  readonly #changed = new Set<string>();

  constructor(options: ClickTopologyOptions) {
    this.#options = options;
  }

  /** Totals that `flush` would publish now. */
  get heldBack(): number {
    return this.#changed.size;
  }

  /** Σ totals and number of users: after a restore they must be what they were at the last commit. */
  sums(): { clicks: number; users: number } {
    return { clicks: this.#counter.clicks, users: this.#counter.users };
  }

  /** Takes over a published total; a tombstone forgets the user. @throws UnreadableTotalError */
  restore(topic: string, record: Record): void {
    const key = record.key();
    if (record.valueStart < 0) {
      if (key) this.#counter.forget(key.toString('utf8'));
      return;
    }
    const decoded = decodeRunningTotal(key, record.value(), (name) => record.header(name));
    if (decoded.status === 'malformed')
      throw new UnreadableTotalError(
        `${topic} [${this.#options.partition}] holds no running total at offset ${record.offset}: ${decoded.detail}`,
      );
    this.#counter.restore(decoded.value);
  }

  /**
   * Handles one record of the click topic, or one that was forwarded to us.
   *
   * @param forwardedFrom set for a forwarded record: where it was read first, `'unknown'` if it does not say.
   */
  process(
    record: Record,
    forwardedFrom: ClickOrigin | 'unknown' | undefined,
    output: ClickOutput<Record>,
  ): 'counted' | 'rejected' | 'forwarded' {
    const { partition, topics, homeOf, emit } = this.#options;
    const reject = (reason: DeadLetterReason, detail: string): 'rejected' => {
      const origin =
        forwardedFrom === undefined || forwardedFrom === 'unknown'
          ? { topic: topics.clicks, partition, offset: record.offset, timestampMs: record.timestampMs }
          : forwardedFrom;
      const key = record.key();
      const value = record.value();
      const letter = encodeDeadLetter({ ...origin, reason, detail, key, value, headers: record.headers() });
      output.write({ topic: topics.deadLetters, ...letter });
      return 'rejected';
    };

    if (forwardedFrom === 'unknown') return reject('misrouted', 'was not forwarded by this application');
    // A forwarded click was within the limit where it was read first; since then it has grown by its origin.
    const sizeBytes = forwardedFrom === undefined ? sizeOf(record) : 0;
    if (sizeBytes > DEAD_LETTER_LIMIT_BYTES)
      return reject('too-large', `${sizeBytes} bytes are over the limit of ${DEAD_LETTER_LIMIT_BYTES}`);
    if (!isSupportedSchemaVersion(record.header(schemaVersionHeader.name)))
      return reject('unsupported-version', `only schema version ${schemaVersionHeader.value} is known here`);
    const decoded =
      record.valueStart < 0
        ? decodeClickEvent(null)
        : decodeClickEvent(record.bytes, record.valueStart, record.valueEnd);
    if (decoded.status === 'malformed') return reject('malformed', `${decoded.reason}: ${decoded.detail}`);

    const { userId } = decoded.value;
    // A user already known here is at home, so that the hash costs once per user.
    if (!this.#counter.has(userId)) {
      const key = Buffer.from(userId);
      const home = homeOf(key);
      if (home !== partition) {
        if (forwardedFrom !== undefined)
          return reject('misrouted', `was forwarded to partition ${partition}, but is at home in ${home}`);
        output.forward(record, home, key);
        return 'forwarded';
      }
    }
    this.#counter.count(decoded.value);
    if (emit === 'every') this.#publish(userId, output);
    else this.#changed.add(userId);
    return 'counted';
  }

  /** Publishes the totals held back since the last time. */
  flush(output: ClickOutput<Record>): void {
    for (const userId of this.#changed) this.#publish(userId, output);
    this.#changed.clear();
  }

  #publish(userId: string, output: ClickOutput<Record>): void {
    const { key, value, headers } = encodeRunningTotal(this.#counter.totalOf(userId), this.#options.format);
    output.write({
      topic: this.#options.topics.totals,
      key: Buffer.from(key),
      value: Buffer.from(value),
      ...(headers && { headers }),
    });
  }
}

/** The size that the limit speaks of; exact only where it could be over it. */
function sizeOf(record: ClickRecord): number {
  const quick = record.valueEnd - record.valueStart + (record.keyEnd - record.keyStart);
  const headers = record.headers();
  if (headers.length === 0) return quick;
  return recordSizeBytes({ key: record.key(), value: record.value(), headers });
}
