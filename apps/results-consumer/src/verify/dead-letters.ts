import type { PartitionReader, RecordCursor } from '@clickstream/kafka-client';
import { clickOfRecord, type Click } from './click-of-record.ts';
import type { ClickState } from './checkpoint-record.ts';
import type { Findings } from './findings.ts';
import { windowStarts } from './page-results.ts';
import type { ReadProgress } from './read-progress.ts';
import type { RecordOrigin } from './record-origin.ts';
import { RecordSum } from './record-sum.ts';
import { everInForce, futureLimit } from './settings-in-force.ts';
import type { Cut, Task } from './take-cut.ts';

/** Reasons of clicks that are counted, and came too late for something. */
const LATE_REASONS = ['late', 'missed', 'session-late'] as const;
type LateReason = (typeof LATE_REASONS)[number];

const INTEGER = /^-?\d{1,19}$/;

/** The dead letters of a task below the cut. */
export interface DeadLetterCount {
  /** The first offset that retention has left. */
  readonly start: number;
  /** By reason. */
  readonly letters: ReadonlyMap<string, RecordSum>;
}

/** What a click came too late for, by the letters of its home. */
export interface Lateness {
  readonly home: number;
  /** Where the click stands. */
  readonly partition: number;
  /** When the click came, ms since the epoch. */
  readonly ingestTime: number;
  /** The first of its letters. */
  readonly where: string;
  readonly offset: number;
  /** Stream time that made it so, by reason. */
  readonly streamTimes: Map<LateReason, number>;
  missed: readonly number[];
  wasMet: boolean;
  /** Of a click that stood at the same place before: the topic was made anew since, or its tail was lost. */
  readonly before: Lateness | undefined;
}

/** The dead letters of all tasks: how many of each reason there are, and which clicks came too late for what. */
export class DeadLetters {
  /** By partition. */
  readonly counts: readonly DeadLetterCount[];
  readonly #findings: Findings;
  /** By partition of the clicks, by offset there. */
  readonly #lateness: readonly Map<number, Lateness>[];

  /** By user and id. */
  readonly #latenessOfId: ReadonlyMap<string, Lateness>;
  /** By task: the places of clicks that it rejected as `future`, if more than one limit may have been in force. */
  readonly #future: readonly ReadonlySet<string>[];

  private constructor(
    counts: readonly DeadLetterCount[],
    lateness: readonly Map<number, Lateness>[],
    latenessOfId: ReadonlyMap<string, Lateness>,
    future: readonly ReadonlySet<string>[],
    findings: Findings,
  ) {
    this.counts = counts;
    this.#lateness = lateness;
    this.#latenessOfId = latenessOfId;
    this.#future = future;
    this.#findings = findings;
  }

  /** Reads the letters below the cut, and of some tasks those behind it too. It keeps some 400 bytes for each click that came too late. */
  static async read(
    reader: PartitionReader,
    topics: { readonly clicks: string; readonly deadLetters: string },
    cut: Cut,
    findings: Findings,
    progress: ReadProgress,
    signal: AbortSignal,
  ): Promise<DeadLetters> {
    const topic = topics.deadLetters;
    const starts = await reader.startOffsets(topic);
    const ends = await reader.endOffsets(topic);
    const lateness = cut.map(() => new Map<number, Lateness>());
    const latenessOfId = new Map<string, Lateness>();
    const future = cut.map(() => new Set<string>());
    const counts = await Promise.all(
      cut.map(async (task) => {
        const { partition, resultEnds } = task;
        const from = starts[partition] ?? 0n;
        const end = resultEnds.get(topic) ?? 0;
        // Another task may have received clicks that this one read after the cut.
        const { least, greatest } = futureLimit(task);
        const isFutureListed = least < greatest;
        const last = Number(ends[partition] ?? 0n);
        const to = BigInt(isFutureListed ? last : Math.min(end, last));
        const range = { topic, partition, from, to };
        const letters = new Map<string, RecordSum>();
        const late = new LateLetters(topics, cut, task, lateness, latenessOfId, findings);
        for await (const batch of progress.watch(reader.read(range, signal), range))
          for (const record = batch.walk(); record.next();) {
            const reason = textOf(record, 'reason');
            const origin = originOf(record, topics.clicks);
            if (reason === 'future' && isFutureListed && origin) future[partition]?.add(placeOf(origin));
            if (Number(record.offset) >= end) continue;
            const sum = letters.get(reason) ?? new RecordSum();
            letters.set(reason, sum);
            sum.add(origin);
            const lateReason = LATE_REASONS.find((known) => known === reason);
            if (lateReason && task.state) late.take(lateReason, record, origin);
          }
        return { start: Number(from), letters };
      }),
    );
    return new DeadLetters(counts, lateness, latenessOfId, future, findings);
  }

  /**
   * What a click came too late for, if anything. Of copies that came through several partitions nobody knows which one
   * was counted; if one was late, it was that one.
   */
  latenessOf(
    { userId, id }: Click,
    partition: number,
    offset: number,
    ingestTime: number,
  ): Lateness | undefined {
    let own = this.#lateness[partition]?.get(offset);
    while (own && own.ingestTime !== ingestTime) own = own.before;
    if (own || id === undefined || this.#latenessOfId.size === 0) return own;
    const ofCopy = this.#latenessOfId.get(keyOf(userId, id));
    return ofCopy && ofCopy.partition !== partition && !ofCopy.wasMet ? ofCopy : undefined;
  }

  /**
   * Whether a task has rejected a click as `future`, be it one that was forwarded to it. Ask only where its
   * {@link futureLimit} leaves that open.
   */
  isListedAsFuture(task: number, origin: RecordOrigin): boolean {
    return this.#future[task]?.has(placeOf(origin)) === true;
  }

  /**
   * Checks that a click was too late for what its letters say, once it is met.
   *
   * @param isOpenAt whether it certainly belonged to a session that was open, with those closed that ended at that time.
   */
  check(
    lateness: Lateness,
    home: number,
    state: ClickState,
    timestamp: number,
    isOpenAt: (closeTime: number) => boolean,
  ): void {
    lateness.wasMet = true;
    const { where, streamTimes, missed, offset } = lateness;
    const report = (kind: string, text: string) => {
      this.#findings.addRecord(kind, 'late', home, `${where} ${text}`, { offset });
    };
    if (lateness.home !== home) {
      report('elsewhere', `lists a click that is counted in partition ${home}`);
      return;
    }
    const grace = everInForce(state, 'graceMs');
    const starts = windowStarts(timestamp, state.windows);
    for (const [reason, streamTime] of streamTimes) {
      // What is closed stays so, whatever the grace becomes.
      const closedUntil = Math.min(streamTime - grace.least, state.clock?.closeTime ?? -Infinity);
      const closedBy = (time: number) => starts.filter((start) => start + state.windows.sizeMs <= time);
      const mayBeClosed = closedBy(closedUntil);
      const areClosed = closedBy(streamTime - grace.greatest);
      const why = `at event time ${timestamp} and stream time ${streamTime}`;
      if (reason === 'late' && mayBeClosed.length < starts.length)
        report('without cause', `lists a click as late that had an open window ${why}`);
      if (reason === 'missed') {
        const closed = missed.length < areClosed.length ? areClosed : mayBeClosed.slice(0, missed.length);
        if (missed.length === starts.length || closed.join() !== missed.join())
          report(
            'without cause',
            `says that a click missed the windows ${missed.join(', ')}, and closed were ${mayBeClosed.join(', ') || 'none'} ${why}`,
          );
      }
      if (reason === 'session-late' && timestamp >= closedUntil)
        report('without cause', `lists a click as late for sessions that was within the grace ${why}`);
      else if (
        reason === 'session-late' &&
        !state.changedSettings.includes('sessionGapMs') &&
        isOpenAt(closedUntil)
      )
        report('without cause', `lists a click as late for sessions that belonged to an open one ${why}`);
    }
    if (streamTimes.has('late') && streamTimes.has('missed'))
      report('twice', 'lists a click as late that missed some windows only');
  }

  /**
   * Reports the letters about clicks that were not counted.
   *
   * @param isLeft whether all that was there at that partition and offset still is.
   * @param gaps gets those of which nobody can tell, as loss was accepted.
   */
  finish(cut: Cut, isLeft: (partition: number, offset: number) => boolean, gaps: Findings): void {
    for (const [partition, latenessOfOffset] of this.#lateness.entries())
      for (const [at, newest] of latenessOfOffset) {
        if (!isLeft(partition, at)) continue;
        for (let lateness: Lateness | undefined = newest; lateness; lateness = lateness.before) {
          const { wasMet, home, where, offset } = lateness;
          if (wasMet) continue;
          const what = `${where} lists the record of partition ${partition} at offset ${at} as too late`;
          if (mayBeLost(cut, partition, home))
            gaps.addRecord(
              'lost',
              'late',
              home,
              `${what}, and with --accept-loss that need not be a click that is there and was counted`,
              { offset },
            );
          else
            this.#findings.addRecord(
              'not counted',
              'late',
              home,
              `${what}, and that is no click that was counted`,
              { offset },
            );
        }
      }
  }
}

/** The letters of one task about clicks that came too late. */
class LateLetters {
  readonly #topics: { readonly clicks: string; readonly deadLetters: string };
  readonly #cut: Cut;
  readonly #task: Task;
  readonly #lateness: readonly Map<number, Lateness>[];
  readonly #latenessOfId: Map<string, Lateness>;
  readonly #findings: Findings;
  #streamTime = -Infinity;

  constructor(
    topics: { readonly clicks: string; readonly deadLetters: string },
    cut: Cut,
    task: Task,
    lateness: readonly Map<number, Lateness>[],
    latenessOfId: Map<string, Lateness>,
    findings: Findings,
  ) {
    this.#topics = topics;
    this.#cut = cut;
    this.#task = task;
    this.#lateness = lateness;
    this.#latenessOfId = latenessOfId;
    this.#findings = findings;
  }

  /** @param origin undefined if it does not say. */
  take(reason: LateReason, record: RecordCursor, origin: RecordOrigin | undefined): void {
    const { partition: home, state } = this.#task;
    const offset = Number(record.offset);
    const where = `${this.#topics.deadLetters} [${home}] @ ${offset}`;
    const report = (kind: string, text: string) => {
      this.#findings.addRecord(kind, 'late', home, `${where} ${text}`, { offset });
    };
    const streamTime = integerOf(textOf(record, 'stream-time'));
    const missed = textOf(record, 'windows')
      .split(',')
      .filter((text) => text !== '')
      .map(integerOf);
    const ofPartition = this.#lateness[origin?.partition ?? -1];
    if (
      !ofPartition ||
      !origin ||
      streamTime === undefined ||
      missed.includes(undefined) ||
      missed.length > 0 !== (reason === 'missed')
    ) {
      report('unreadable', `is listed as ${reason}, and does not say where it stood and what made it so`);
      return;
    }
    if (streamTime < this.#streamTime)
      report('fell', `says that stream time was ${streamTime}, after ${this.#streamTime}`);
    this.#streamTime = Math.max(this.#streamTime, streamTime);
    const last = state?.clock?.streamTime ?? -Infinity;
    if (streamTime > last)
      report('ahead', `says that stream time was ${streamTime}, and the checkpoint says ${last}`);
    const { partition, offset: at, ingestTime } = origin;
    const before = ofPartition.get(at);
    let lateness = before;
    while (lateness && lateness.ingestTime !== ingestTime) lateness = lateness.before;
    if (!lateness) {
      lateness = {
        home,
        partition,
        ingestTime,
        where,
        offset,
        streamTimes: new Map(),
        missed: [],
        wasMet: false,
        before,
      };
      ofPartition.set(at, lateness);
      const click = clickOfRecord(record);
      if (typeof click !== 'string' && click.id !== undefined)
        this.#latenessOfId.set(keyOf(click.userId, click.id), lateness);
    }
    // A partition that was counted once more from its start is listed once more.
    if (lateness.streamTimes.has(reason) && !mayBeLost(this.#cut, partition, home))
      report('twice', `lists a click as ${reason} that ${lateness.where} lists`);
    lateness.streamTimes.set(reason, streamTime);
    if (reason === 'missed') lateness.missed = missed.filter((start) => start !== undefined);
  }
}

/**
 * Whether what a task says of a click from that partition may be about one that was lost, or is not counted anew as it may
 * be: where loss was accepted in that input, or in what is forwarded to the task.
 */
function mayBeLost(cut: Cut, partition: number, home: number): boolean {
  const isForwarded = partition !== home;
  return (
    cut[partition]?.lossAccepted.input !== undefined ||
    (isForwarded && cut[home]?.lossAccepted.forwards !== undefined)
  );
}

/** Where the record of a letter stood among the clicks, if it says so. */
function originOf(record: RecordCursor, clicks: string): RecordOrigin | undefined {
  const [partition, offset, ingestTime] = ['partition', 'offset', 'timestamp'].map((name) =>
    integerOf(textOf(record, name)),
  );
  if (partition === undefined || offset === undefined || ingestTime === undefined) return undefined;
  return textOf(record, 'topic') === clicks ? { partition, offset, ingestTime } : undefined;
}

function placeOf({ partition, offset, ingestTime }: RecordOrigin): string {
  return `${partition}/${offset}/${ingestTime}`;
}

/** No text of a click holds the separator. */
function keyOf(userId: string, id: string): string {
  return `${userId}\0${id}`;
}

function textOf(record: RecordCursor, name: string): string {
  return record.header(`dead-letter-${name}`)?.toString('latin1') ?? '';
}

function integerOf(text: string): number | undefined {
  return INTEGER.test(text) ? Number(text) : undefined;
}
