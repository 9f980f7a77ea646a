import {
  DEAD_LETTER_LIMIT_BYTES,
  decodeClickEvent,
  encodeDeadLetter,
  isSupportedSchemaVersion,
  recordSizeBytes,
  schemaVersionHeader,
  type DeadLetterReason,
  type EncodedDeadLetter,
  type RunningTotal,
} from '@clickstream/schema';
import type { ClickCounter } from './click-counter.ts';

/** A record of the click topic, as far as counting needs it; the client's record cursor is one. */
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

/** Where a topology's records come from. */
export interface ClickSource {
  readonly topic: string;
  readonly partition: number;
}

/** What became of the records read so far; `read = counted + rejected`. */
export interface Books {
  readonly read: number;
  readonly counted: number;
  readonly rejected: number;
}

/** What has to be written for the records processed since the last time. */
export interface Outputs {
  readonly results: readonly RunningTotal[];
  readonly deadLetters: readonly EncodedDeadLetter[];
}

/**
 * The aggregation of one partition: records in, results and dead letters out. No record is dropped and none
 * throws: what cannot be counted becomes a dead letter that says why.
 */
export class ClickTopology {
  readonly #source: ClickSource;
  readonly #counter: ClickCounter;
  #deadLetters: EncodedDeadLetter[] = [];
  #read = 0;
  #rejected = 0;

  constructor(source: ClickSource, counter: ClickCounter) {
    this.#source = source;
    this.#counter = counter;
  }

  get books(): Books {
    return { read: this.#read, counted: this.#read - this.#rejected, rejected: this.#rejected };
  }

  process(record: ClickRecord): void {
    this.#read++;
    if (
      record.valueEnd - record.valueStart + (record.keyEnd - record.keyStart) >
      DEAD_LETTER_LIMIT_BYTES / 2
    ) {
      const sizeBytes = recordSizeBytes({
        key: record.key(),
        value: record.value(),
        headers: record.headers(),
      });
      if (sizeBytes > DEAD_LETTER_LIMIT_BYTES) {
        this.#reject(
          record,
          'too-large',
          `${sizeBytes} bytes are over the limit of ${DEAD_LETTER_LIMIT_BYTES}`,
        );
        return;
      }
    }
    if (!isSupportedSchemaVersion(record.header(schemaVersionHeader.name))) {
      this.#reject(record, 'unsupported-version', `this reads schema version ${schemaVersionHeader.value}`);
      return;
    }
    const decoded =
      record.valueStart < 0
        ? decodeClickEvent(null)
        : decodeClickEvent(record.bytes, record.valueStart, record.valueEnd);
    if (decoded.status === 'malformed') {
      this.#reject(record, 'malformed', `${decoded.reason}: ${decoded.detail}`);
      return;
    }
    if (this.#counter.count(decoded.value) === 'misplaced')
      this.#reject(
        record,
        'misplaced',
        `partition ${this.#source.partition} is not the home of this user: key clicks by user id, placed by murmur2`,
      );
  }

  /** What has to be written for the records processed since the last call. */
  takeOutputs(): Outputs {
    const deadLetters = this.#deadLetters;
    this.#deadLetters = [];
    return { results: this.#counter.takeResults(), deadLetters };
  }

  #reject(record: ClickRecord, reason: DeadLetterReason, detail: string): void {
    this.#rejected++;
    const { topic, partition } = this.#source;
    const { offset, timestampMs } = record;
    this.#deadLetters.push(
      encodeDeadLetter({
        reason,
        detail,
        topic,
        partition,
        offset,
        timestampMs,
        key: record.key(),
        value: record.value(),
        headers: record.headers(),
      }),
    );
  }
}
