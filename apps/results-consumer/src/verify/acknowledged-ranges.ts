import { createHash, type Hash } from 'node:crypto';
import type { RecordCursor } from '@clickstream/kafka-client';
import type { Findings } from './findings.ts';
import type { AcknowledgedRange, Manifest } from './read-manifest.ts';
import type { LogBounds, Outcome } from './recount-clicks.ts';
import type { Cut } from './take-cut.ts';

/** A range, as far as its records were met. */
interface MetRange extends AcknowledgedRange {
  readonly hash: Hash;
  met: number;
}

/** Compares what a producer had acknowledged with what the log holds, record by record as the recount reads it. */
export class AcknowledgedRanges {
  /** Acknowledged clicks that no task has counted yet. */
  pending = 0;
  readonly #cut: Cut;
  readonly #bounds: readonly LogBounds[];
  readonly #problems: Findings;
  readonly #gaps: Findings;
  /** By partition: the ranges that are not met wholly, the next one last. */
  readonly #left: ReadonlyMap<number, MetRange[]>;

  constructor(
    manifest: Manifest,
    cut: Cut,
    bounds: readonly LogBounds[],
    problems: Findings,
    /** Gets what cannot be compared. */
    gaps: Findings,
  ) {
    this.#cut = cut;
    this.#bounds = bounds;
    this.#problems = problems;
    this.#gaps = gaps;
    this.#left = new Map(
      [...manifest.ranges].map(([partition, ranges]) => [
        partition,
        ranges
          .toSorted((a, b) => b.offset - a.offset)
          .map((range) => ({ ...range, hash: createHash('sha256'), met: 0 })),
      ]),
    );
  }

  /** Takes the next record of a partition. */
  take(partition: number, offset: number, record: RecordCursor, outcome: Outcome): void {
    const left = this.#left.get(partition) ?? [];
    let range = left.at(-1);
    while (range && offset >= range.offset + range.clicks) {
      this.#compare(range);
      left.pop();
      range = left.at(-1);
    }
    if (!range || offset < range.offset) return;
    range.met++;
    range.hash.update(record.value() ?? '');
    if (outcome === 'pending') this.pending++;
    if (outcome === 'rejected')
      this.#listOf(partition).addRecord(
        'acknowledged and rejected',
        'manifest',
        partition,
        `${placeOf(partition, offset)} a click was acknowledged that was rejected`,
        { offset },
      );
  }

  /** Compares what is left once all partitions are read. */
  finish(): void {
    for (const [partition, left] of this.#left)
      for (const range of left.toReversed()) {
        const end = range.offset + range.clicks;
        const logEnd = this.#bounds[partition]?.end ?? 0;
        if (end > logEnd)
          this.#listOf(partition).addRecord(
            'behind the end',
            'manifest',
            partition,
            `${placeOf(partition, range.offset)} ${range.clicks} clicks were acknowledged, and the log ends at offset ${logEnd}`,
            { offset: range.offset },
          );
        else if (end > (this.#cut[partition]?.position ?? 0)) this.pending += range.clicks - range.met;
        else this.#compare(range);
      }
  }

  /** Where loss was accepted the topic may be another one than that which acknowledged: then it proves nothing. */
  #listOf(partition: number): Findings {
    return this.#cut[partition]?.lossAccepted.input === undefined ? this.#problems : this.#gaps;
  }

  #compare({ partition, offset, clicks, met, hash, sha256 }: MetRange): void {
    const where = placeOf(partition, offset);
    const start = this.#bounds[partition]?.start ?? 0;
    if (offset < start)
      this.#gaps.addRecord(
        'gone',
        'manifest',
        partition,
        `${where} acknowledged clicks begin, and the log begins at offset ${start}`,
        { offset: start },
      );
    else if (met !== clicks)
      this.#listOf(partition).addRecord(
        'lost',
        'manifest',
        partition,
        `${where} begin ${clicks} acknowledged clicks, and the log holds ${met} of them`,
        { offset, expected: clicks, found: met },
      );
    else if (hash.digest('hex') !== sha256)
      this.#listOf(partition).addRecord(
        'changed',
        'manifest',
        partition,
        `${where} begin ${clicks} acknowledged clicks, and the log holds other records there`,
        { offset },
      );
  }
}

function placeOf(partition: number, offset: number): string {
  return `in partition ${partition} at offset ${offset}`;
}
