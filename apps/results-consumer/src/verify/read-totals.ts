import { isUtf8 } from 'node:buffer';
import type { PartitionReader, RecordCursor } from '@clickstream/kafka-client';
import { clicksOfTotal } from './clicks-of-total.ts';
import type { Findings } from './findings.ts';
import type { ReadProgress } from './read-progress.ts';
import type { Tallies } from './tallies.ts';
import type { Cut, Task } from './take-cut.ts';

/** The totals of a partition at the cut, added up. */
export interface TotalsSum {
  readonly clicks: number;
  readonly users: number;
  /** Where the partition ended. */
  readonly end: number;
  /**
   * Whether it is less than the checkpoint says, and there are totals above the cut: then compaction may have removed
   * those below it that they replace.
   */
  readonly isCompacted: boolean;
}

/** Reads all totals into `tallies`, and checks on the way that each is greater than the one before it. */
export async function readTotals(
  reader: PartitionReader,
  topic: string,
  cut: Cut,
  tallies: Tallies,
  findings: Findings,
  progress: ReadProgress,
  signal: AbortSignal,
): Promise<TotalsSum[]> {
  const starts = await reader.startOffsets(topic);
  const ends = await reader.endOffsets(topic);
  const isOvertaken = await Promise.all(
    cut.map(async (task) => {
      const { partition } = task;
      const totals = new PartitionTotals(topic, task, tallies, findings);
      const range = { topic, partition, from: starts[partition] ?? 0n, to: ends[partition] ?? 0n };
      for await (const batch of progress.watch(reader.read(range, signal), range))
        for (const record = batch.walk(); record.next();) totals.take(record);
      return totals.isOvertaken;
    }),
  );
  const sums = cut.map(() => ({ clicks: 0, users: 0 }));
  for (const [, { home, published }] of tallies) {
    const sum = sums[home];
    if (!sum || published === 0) continue;
    sum.clicks += published;
    sum.users++;
  }
  return cut.map(({ partition, sums: expected }) => {
    const { clicks, users } = sums[partition] ?? { clicks: 0, users: 0 };
    const isLess = clicks < expected.clicks || users < expected.users;
    return {
      clicks,
      users,
      end: Number(ends[partition] ?? 0n),
      isCompacted: isLess && isOvertaken[partition] === true,
    };
  });
}

class PartitionTotals {
  isOvertaken = false;
  readonly #topic: string;
  readonly #partition: number;
  readonly #end: number;
  readonly #tallies: Tallies;
  readonly #findings: Findings;

  constructor(topic: string, { partition, resultEnds }: Task, tallies: Tallies, findings: Findings) {
    this.#topic = topic;
    this.#partition = partition;
    this.#end = resultEnds.get(topic) ?? 0;
    this.#tallies = tallies;
    this.#findings = findings;
  }

  take(record: RecordCursor): void {
    const offset = Number(record.offset);
    const where = `${this.#topic} [${this.#partition}] @ ${offset}`;
    const key = record.key();
    if (key === null || !isUtf8(key)) {
      this.#report('no user', `${where} is no running total: its key is no user id`, offset);
      return;
    }
    const userId = key.toString('utf8');
    const tally = this.#tallies.of(userId);
    const user = JSON.stringify(userId);
    if (tally.home !== this.#partition) {
      this.#report(
        'elsewhere',
        `${where} is a total of user ${user}, who is counted in partition ${tally.home}`,
        offset,
      );
      return;
    }
    const value = record.value();
    // A tombstone ends a sequence: the user's next total may be any.
    const clicks = value === null ? 0 : clicksOfTotal(userId, value);
    if (clicks === undefined) {
      this.#report('unreadable', `${where} is no running total of user ${user}`, offset);
      return;
    }
    if (value !== null && clicks <= tally.newest)
      this.#findings.addRecord(
        'growth',
        'growth',
        this.#partition,
        `${where} gives user ${user} a total of ${clicks} after one of ${tally.newest}`,
        { user: userId, offset, found: clicks },
      );
    tally.newest = clicks;
    if (offset < this.#end) tally.published = clicks;
    else this.isOvertaken = true;
  }

  #report(kind: string, text: string, offset: number): void {
    this.#findings.addRecord(kind, 'results', this.#partition, text, { offset });
  }
}
