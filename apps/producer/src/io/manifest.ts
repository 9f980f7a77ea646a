import { createHash, type Hash } from 'node:crypto';
import { closeSync, openSync, writeSync } from 'node:fs';
import { describeError, type DeliveryReport } from '@clickstream/kafka-client';
import { ProducerError } from '../producer-error.ts';

/** What a manifest is about. */
export interface ManifestHeader {
  readonly topic: string;
  /** The run id of a simulation, or the name of the log that was replayed. */
  readonly run: string;
}

/** Clicks at consecutive offsets, the hash being that of their values, one after another. */
interface Range {
  readonly partition: number;
  readonly offset: bigint;
  readonly hash: Hash;
  clicks: number;
}

const VERSION = 1;
const USERS_PER_LINE = 1000;

/**
 * Notes what Kafka has acknowledged, for `results-consumer verify --manifest FILE`: one JSON object a line, its
 * header at once, then `{partition, offset, clicks, sha256}` for each stretch of consecutive offsets,
 * `{users: [[id, clicks], …]}`, and at last the totals, without which the file is torn.
 *
 * Takes some 100 bytes for each user, and for each stretch: four in all where nobody else writes to four partitions.
 */
export class Manifest {
  readonly #file: string;
  readonly #descriptor: number;
  readonly #ranges: string[] = [];
  /** The stretch that goes on, by partition. */
  readonly #open = new Map<number, Range>();
  readonly #clicksOfUsers = new Map<string, number>();
  #acknowledged = 0;
  #isClosed = false;

  /** @throws ProducerError `CLICKSTREAM_PRODUCER_MANIFEST_UNWRITABLE` */
  constructor(file: string, header: ManifestHeader) {
    this.#file = file;
    this.#descriptor = this.#orUnwritable(() => openSync(file, 'w'));
    this.#write({ manifest: VERSION, ...header });
  }

  /** Notes a click that was acknowledged; those of a partition come in the order of their offsets. */
  add(report: Extract<DeliveryReport, { status: 'delivered' }>, userId: string, value: Buffer): void {
    // What is acknowledged after the run was given up counts as failed.
    if (this.#isClosed) return;
    const { partition, offset } = report;
    let range = this.#open.get(partition);
    if (!range || range.offset + BigInt(range.clicks) !== offset) {
      if (range) this.#end(range);
      range = { partition, offset, hash: createHash('sha256'), clicks: 0 };
      this.#open.set(partition, range);
    }
    range.clicks++;
    range.hash.update(value);
    this.#clicksOfUsers.set(userId, (this.#clicksOfUsers.get(userId) ?? 0) + 1);
    this.#acknowledged++;
  }

  /** Writes what was noted. @throws ProducerError `CLICKSTREAM_PRODUCER_MANIFEST_UNWRITABLE` */
  close(): void {
    this.#isClosed = true;
    for (const range of this.#open.values()) this.#end(range);
    for (const range of this.#ranges) this.#writeLine(range);
    const users = [...this.#clicksOfUsers];
    for (let from = 0; from < users.length; from += USERS_PER_LINE)
      this.#write({ users: users.slice(from, from + USERS_PER_LINE) });
    this.#write({ acknowledged: this.#acknowledged, ranges: this.#ranges.length, users: users.length });
    this.#orUnwritable(() => {
      closeSync(this.#descriptor);
    });
  }

  #end({ partition, offset, hash, clicks }: Range): void {
    this.#ranges.push(
      JSON.stringify({ partition, offset: offset.toString(), clicks, sha256: hash.digest('hex') }),
    );
  }

  #write(line: object): void {
    this.#writeLine(JSON.stringify(line));
  }

  #writeLine(line: string): void {
    this.#orUnwritable(() => writeSync(this.#descriptor, `${line}\n`));
  }

  #orUnwritable<Value>(work: () => Value): Value {
    try {
      return work();
    } catch (error) {
      throw new ProducerError(
        'CLICKSTREAM_PRODUCER_MANIFEST_UNWRITABLE',
        `cannot write ${this.#file}: ${describeError(error)}`,
        error,
      );
    }
  }
}
