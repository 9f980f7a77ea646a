import type { PartitionReader, RecordCursor } from '@clickstream/kafka-client';
import type { AcknowledgedRanges } from './acknowledged-ranges.ts';
import type { ReadProgress } from './read-progress.ts';
import type { Tallies } from './tallies.ts';
import type { Cut, Task } from './take-cut.ts';
import { userOfClick } from './user-of-click.ts';

/** What there is of a partition. */
export interface LogBounds {
  /** The first offset that retention has left. */
  readonly start: number;
  /** The offset behind the last record. */
  readonly end: number;
}

/** What the clicks of one partition come to, as of the cut; where loss was accepted, from that offset on. */
export interface PartitionRecount {
  /** Records below the task's position, and what becomes of them. */
  readonly read: number;
  readonly rejected: number;
  readonly forwarded: number;
  /** Forwarded clicks that the task of their home has yet to count. */
  readonly inFlight: number;
  /** By home: the clicks forwarded there that its task has counted. */
  readonly received: ReadonlyMap<number, ReceivedClicks>;
}

/** The clicks of one partition that the task of another has counted. */
export interface ReceivedClicks {
  readonly clicks: number;
  readonly lastOffset: number;
}

/** What became of a record at the cut. */
export type Outcome = 'counted' | 'rejected' | 'pending';

/**
 * Counts all clicks anew, into `tallies`: of its own partition a task has counted the clicks below its position, of
 * every other one those below its mark that are at home with it. Where loss was accepted only what is certain counts:
 * none below that offset, and none of the forwarded clicks, since marks may be of an earlier topic.
 */
export async function recountClicks(
  reader: PartitionReader,
  topic: string,
  bounds: readonly LogBounds[],
  cut: Cut,
  tallies: Tallies,
  acknowledged: AcknowledgedRanges | undefined,
  progress: ReadProgress,
  signal: AbortSignal,
): Promise<PartitionRecount[]> {
  return Promise.all(
    cut.map(async (task) => {
      const { partition } = task;
      const { start = 0, end = 0 } = bounds[partition] ?? {};
      const marks = cut.map(({ marks: marksOfHome }) => marksOfHome.get(partition) ?? 0);
      const counted = Math.max(task.position, ...marks);
      const lossyHomes = new Set(
        cut.filter(({ lossAccepted }) => lossAccepted.forwards !== undefined).map((home) => home.partition),
      );
      const recount = new Recount(task, marks, lossyHomes, tallies);
      const range = { topic, partition, from: BigInt(start), to: BigInt(Math.min(counted, end)) };
      for await (const batch of progress.watch(reader.read(range, signal), range))
        for (const record = batch.walk(); record.next();) {
          const offset = Number(record.offset);
          const outcome = recount.take(record, offset);
          acknowledged?.take(partition, offset, record, outcome);
        }
      return recount;
    }),
  );
}

class Recount implements PartitionRecount {
  read = 0;
  rejected = 0;
  forwarded = 0;
  inFlight = 0;
  readonly received = new Map<number, { clicks: number; lastOffset: number }>();
  readonly #task: Task;
  /** By home, how far its task has received clicks from here. */
  readonly #marks: readonly number[];
  /** The homes whose tasks may have lost clicks forwarded to them. */
  readonly #lossyHomes: ReadonlySet<number>;
  readonly #tallies: Tallies;

  constructor(task: Task, marks: readonly number[], lossyHomes: ReadonlySet<number>, tallies: Tallies) {
    this.#task = task;
    this.#marks = marks;
    this.#lossyHomes = lossyHomes;
    this.#tallies = tallies;
  }

  take(record: RecordCursor, offset: number): Outcome {
    const { position, lossAccepted } = this.#task;
    const isRead = offset < position;
    const isCertain = isRead && offset >= (lossAccepted.input ?? 0);
    if (isCertain) this.read++;
    const userId = userOfClick(record);
    if (userId === undefined) {
      if (isCertain) this.rejected++;
      return 'rejected';
    }
    const tally = this.#tallies.of(userId);
    const { home } = tally;
    if (home === this.#task.partition) {
      if (!isRead) return 'pending';
      if (isCertain) tally.recounted++;
      return 'counted';
    }
    if (isCertain) this.forwarded++;
    if (offset >= (this.#marks[home] ?? 0)) {
      if (isRead) this.inFlight++;
      return 'pending';
    }
    if (lossAccepted.input !== undefined || this.#lossyHomes.has(home)) return 'counted';
    tally.recounted++;
    const received = this.received.get(home) ?? { clicks: 0, lastOffset: 0 };
    received.clicks++;
    received.lastOffset = offset;
    this.received.set(home, received);
    return 'counted';
  }
}
