import type { PartitionReader, RecordCursor } from '@clickstream/kafka-client';
import type { AcknowledgedRanges } from './acknowledged-ranges.ts';
import { Appearances, contentOf, type Appearance } from './appearances.ts';
import { clickOfRecord, type Click } from './click-of-record.ts';
import type { DeadLetters } from './dead-letters.ts';
import { pageOfClick } from './page-of-click.ts';
import type { PageResults } from './page-results.ts';
import { readByIngestTime } from './read-by-ingest-time.ts';
import type { ReadProgress } from './read-progress.ts';
import type { RecordOrigin } from './record-origin.ts';
import { RecordSum } from './record-sum.ts';
import { futureLimit, type SettingRange } from './settings-in-force.ts';
import type { Cut, Task } from './take-cut.ts';
import type { Tallies, Tally } from './tallies.ts';

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
  /** By reason, those that were forwarded to the task included. */
  readonly rejected: ReadonlyMap<string, RecordSum>;
  readonly forwarded: number;
  /** Forwarded clicks that the task of their home has yet to count. */
  readonly inFlight: number;
  /** By home: the clicks forwarded there that its task has counted. */
  readonly received: ReadonlyMap<number, ReceivedClicks>;
  /** Clicks that the task has rejected or not: it had several limits of the future, and the letters that would tell are gone. */
  readonly undecided: number;
  /** Of the clicks that are counted in this partition, those that came before. */
  readonly duplicate: number;
  /** More or less of them, as the log does not tell. */
  readonly uncertain: number;
  /** Whether it is known which one was counted of several clicks that have the same id. */
  readonly areCopiesKnown: boolean;
  /** Greatest event time counted in this partition; -Infinity if there is none. */
  readonly lastEventTime: number;
}

/** That of a partition of which there is nothing. */
export const EMPTY_RECOUNT: PartitionRecount = {
  read: 0,
  rejected: new Map(),
  forwarded: 0,
  inFlight: 0,
  received: new Map(),
  undecided: 0,
  duplicate: 0,
  uncertain: 0,
  areCopiesKnown: true,
  lastEventTime: -Infinity,
};

/** The clicks of one partition that the task of another has counted. */
export interface ReceivedClicks {
  readonly clicks: number;
  readonly lastOffset: number;
}

/** What became of a record at the cut. */
export type Outcome = 'counted' | 'rejected' | 'pending';

/** Where clicks are counted anew. */
export interface RecountTargets {
  readonly tallies: Tallies;
  readonly pages: PageResults;
  readonly deadLetters: DeadLetters;
}

/**
 * Counts all clicks anew: of its own partition a task has counted the clicks below its position, of
 * every other one those below its mark that are at home with it. Where loss was accepted only what is certain counts:
 * none below that offset, and none of the forwarded clicks, since marks may be of an earlier topic.
 */
export async function recountClicks(
  reader: PartitionReader,
  topic: string,
  bounds: readonly LogBounds[],
  cut: Cut,
  targets: RecountTargets,
  acknowledged: AcknowledgedRanges | undefined,
  progress: ReadProgress,
  signal: AbortSignal,
): Promise<PartitionRecount[]> {
  const lossyHomes = new Set(
    cut.filter(({ lossAccepted }) => lossAccepted.forwards !== undefined).map((home) => home.partition),
  );
  // Sessions that were closed apart may look like one where clicks or letters are missing.
  const isWhole =
    [...bounds, ...targets.deadLetters.counts].every(({ start }) => start === 0) &&
    cut.every(({ lossAccepted }) => lossAccepted.input === undefined && lossAccepted.forwards === undefined);
  // What a task has read of two inputs it may have read in any order, each in its own.
  const homes = cut.map((task) => new HomeRecount(task, targets, isWhole && !hasReceived(task)));
  const futureLimits = cut.map(futureLimit);
  const recounts = cut.map((task) => {
    const marks = cut.map(({ marks: marksOfHome }) => marksOfHome.get(task.partition) ?? 0);
    return new Recount(task, marks, lossyHomes, futureLimits, targets, homes);
  });
  const readings = recounts.map(({ partition, countedBelow }) => {
    const { start = 0, end = 0 } = bounds[partition] ?? {};
    const range = { topic, partition, from: BigInt(start), to: BigInt(Math.min(countedBelow, end)) };
    return progress.watch(reader.read(range, signal), range);
  });
  await readByIngestTime(readings, (partition, record) => {
    const offset = Number(record.offset);
    const outcome = recounts[partition]?.take(record, offset) ?? 'pending';
    acknowledged?.take(partition, offset, record, outcome);
  });
  return recounts.map(({ read, forwarded, inFlight, received, partition }) => {
    const { rejected, undecided, duplicate, uncertain, areCopiesKnown, lastEventTime } =
      homes[partition] ?? EMPTY_RECOUNT;
    const ofHome = { rejected, undecided, duplicate, uncertain, areCopiesKnown, lastEventTime };
    return { read, forwarded, inFlight, received, ...ofHome };
  });
}

/** Whether a task has counted clicks that others forwarded to it. */
function hasReceived({ marks }: Task): boolean {
  return [...marks.values()].some((mark) => mark > 0);
}

/** The records that stand in one partition. */
class Recount {
  read = 0;
  forwarded = 0;
  inFlight = 0;
  readonly received = new Map<number, { clicks: number; lastOffset: number }>();
  readonly #task: Task;
  /** By home, how far its task has received clicks from here. */
  readonly #marks: readonly number[];
  /** The homes whose tasks may have lost clicks forwarded to them. */
  readonly #lossyHomes: ReadonlySet<number>;
  /** By task. */
  readonly #futureLimits: readonly SettingRange[];
  readonly #tallies: Tallies;
  readonly #deadLetters: DeadLetters;
  readonly #homes: readonly HomeRecount[];

  constructor(
    task: Task,
    marks: readonly number[],
    lossyHomes: ReadonlySet<number>,
    futureLimits: readonly SettingRange[],
    { tallies, deadLetters }: RecountTargets,
    homes: readonly HomeRecount[],
  ) {
    this.#task = task;
    this.#marks = marks;
    this.#lossyHomes = lossyHomes;
    this.#futureLimits = futureLimits;
    this.#tallies = tallies;
    this.#deadLetters = deadLetters;
    this.#homes = homes;
  }

  get partition(): number {
    return this.#task.partition;
  }

  /** No task has counted a record at this offset or above. */
  get countedBelow(): number {
    return Math.max(this.#task.position, ...this.#marks);
  }

  take(record: RecordCursor, offset: number): Outcome {
    const { position, lossAccepted, partition } = this.#task;
    const isRead = offset < position;
    const isCertain = isRead && offset >= (lossAccepted.input ?? 0);
    if (isCertain) this.read++;
    if (isRead) this.#homes[partition]?.reach(record.timestampMs);
    const origin = { partition, offset, ingestTime: record.timestampMs };
    const click = clickOfRecord(record);
    const isFuture = typeof click !== 'string' && this.#isFuture(partition, click, origin);
    if (typeof click === 'string' || isFuture === true) {
      if (isCertain) this.#homes[partition]?.reject(typeof click === 'string' ? click : 'future', origin);
      return 'rejected';
    }
    const tally = this.#tallies.of(click.userId);
    const { home } = tally;
    if (isFuture === undefined) {
      this.#leaveOpen(partition, click, home, origin);
      return 'pending';
    }
    if (home === partition) {
      if (!isRead) return 'pending';
      if (isCertain) this.#homes[home]?.take(click, tally, record.timestampMs, partition, offset);
      else this.#homes[home]?.note(click, record.timestampMs, partition);
      return 'counted';
    }
    if (isCertain) this.forwarded++;
    if (offset >= (this.#marks[home] ?? 0)) {
      if (isRead) this.inFlight++;
      return 'pending';
    }
    if (lossAccepted.input !== undefined || this.#lossyHomes.has(home)) {
      this.#homes[home]?.note(click, record.timestampMs, partition);
      return 'counted';
    }
    const received = this.received.get(home) ?? { clicks: 0, lastOffset: 0 };
    received.clicks++;
    received.lastOffset = offset;
    this.received.set(home, received);
    // It may have been forwarded by one limit and judged at home by another.
    const isFutureAtHome = this.#isFuture(home, click, origin);
    if (isFutureAtHome === undefined) {
      this.#leaveOpen(home, click, home, origin);
      return 'pending';
    }
    if (isFutureAtHome) {
      this.#homes[home]?.reject('future', origin);
      return 'rejected';
    }
    this.#homes[home]?.take(click, tally, record.timestampMs, partition, offset);
    return 'counted';
  }

  /** Nobody can tell any more whether a task has rejected the click. */
  #leaveOpen(judge: number, click: Click, home: number, { ingestTime }: RecordOrigin): void {
    const ofJudge = this.#homes[judge];
    if (ofJudge) ofJudge.undecided++;
    this.#homes[home]?.note(click, ingestTime, this.partition);
  }

  /**
   * Whether a task rejects a click of this partition as being of the future; undefined where only its letter would tell, and
   * retention may have removed that.
   */
  #isFuture(task: number, { timestamp }: Click, origin: RecordOrigin): boolean | undefined {
    const { ingestTime } = origin;
    const { least, greatest } = this.#futureLimits[task] ?? futureLimit(this.#task);
    // Without ingest time nothing bounds the event time.
    const aheadMs = ingestTime < 0 ? Infinity : timestamp - ingestTime;
    if (aheadMs <= least || aheadMs > greatest) return aheadMs > greatest;
    if (this.#deadLetters.isListedAsFuture(task, origin)) return true;
    return (this.#deadLetters.counts[task]?.start ?? 0) > 0 ? undefined : false;
  }
}

/** The clicks that are counted in one partition, and the records that its task rejected, in about the order in which they came. */
class HomeRecount {
  /** By reason, what its task has rejected, be it a click that was forwarded to it. */
  readonly rejected = new Map<string, RecordSum>();
  /** Clicks of which nobody can tell whether its task has rejected them. */
  undecided = 0;
  duplicate = 0;
  uncertain = 0;
  areCopiesKnown = true;
  lastEventTime = -Infinity;
  readonly #task: Task;
  readonly #targets: RecountTargets;
  readonly #isWhole: boolean;
  readonly #appearances: Appearances | undefined;

  /** @param isWhole whether it is known which sessions were open: no clicks or letters are missing, and all came in one order. */
  constructor(task: Task, targets: RecountTargets, isWhole: boolean) {
    this.#task = task;
    this.#targets = targets;
    this.#isWhole = isWhole;
    const { state } = task;
    const isHorizonKnown =
      state?.changedSettings.includes('horizonMs') === false && state.duplicates.ids.forgottenEarly === 0;
    this.#appearances = state && new Appearances(isHorizonKnown ? state.settings.horizonMs : undefined);
  }

  reject(reason: string, origin: RecordOrigin): void {
    const sum = this.rejected.get(reason) ?? new RecordSum();
    this.rejected.set(reason, sum);
    sum.add(origin);
  }

  /** Takes note of when any record of the partition came. */
  reach(ingestTime: number): void {
    this.#appearances?.reach(ingestTime);
  }

  /** Takes note of a click that may have been counted: if it was, those after it with the same id were not. */
  note({ userId, id, url, timestamp }: Click, ingestTime: number, partition: number): Appearance | undefined {
    if (id === undefined) return undefined;
    return this.#appearances?.take(
      userId,
      id,
      contentOf(url, timestamp),
      ingestTime,
      partition !== this.#task.partition,
      this.#task.committedAt,
    );
  }

  take(click: Click, tally: Tally, ingestTime: number, partition: number, offset: number): void {
    const { state } = this.#task;
    const { deadLetters, pages } = this.#targets;
    const { url, timestamp } = click;
    const appearance = this.note(click, ingestTime, partition);
    const lateness = state && deadLetters.latenessOf(click, partition, offset, ingestTime);
    const isUncertain = appearance?.isUncertain === true;
    if (isUncertain) {
      this.uncertain++;
      tally.uncertain++;
    }
    if (appearance?.isRepeated && state) {
      this.duplicate++;
      // Of copies that came through several partitions another one may have been counted than the first one. That only
      // makes a difference where they are not the same click, or one was too late and its letter does not tell which.
      const isLateCopy = lateness?.wasMet === false && appearance.isForwarded;
      if (appearance.isOther || isLateCopy) this.areCopiesKnown = false;
      if (isUncertain) pages.doubt(this.#task, timestamp, pageOfClick(url, state.windows.pageKey));
      if (!lateness || !isLateCopy) return;
      deadLetters.check(lateness, tally.home, state, timestamp, () => false);
      tally.uncertain++;
      return;
    }
    tally.recounted++;
    if (!state) return;
    this.lastEventTime = Math.max(this.lastEventTime, timestamp);
    if (lateness) {
      const { sessionGapMs } = state.settings;
      deadLetters.check(
        lateness,
        tally.home,
        state,
        timestamp,
        (closeTime) =>
          this.#isWhole &&
          tally.uncertain === 0 &&
          tally.sessions.isOpenAt(timestamp, partition, closeTime, sessionGapMs),
      );
    }
    if (lateness?.streamTimes.has('late') !== true) {
      const page = pageOfClick(url, state.windows.pageKey);
      pages.count(this.#task, timestamp, page, tally.number, lateness?.missed, isUncertain);
    }
    if (lateness?.streamTimes.has('session-late') !== true)
      tally.sessions.count(timestamp, url, partition, state.settings.sessionGapMs);
  }
}
