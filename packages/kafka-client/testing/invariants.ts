import { decodeClick, homeOf, type Click } from './click.ts';
import { placeOf } from './model-cluster.ts';
import type { ModelLog, PlacedModelRecord } from './model-log.ts';
import type { ModelTransactions } from './model-transactions.ts';
import { APPLICATION_ID, TOPICS, type World } from './simulation-world.ts';
import { SessionRecount } from './session-recount.ts';
import { expect, Violation } from './violation.ts';
import { WindowRecount } from './window-recount.ts';
import type { LogicState } from './window-result.ts';

interface InputRecord {
  readonly position: string;
  readonly groupOffset?: string;
  readonly rebuildFrom?: string;
}

const BOOKS = ['read', 'counted', 'duplicate', 'rejected', 'forwarded', 'received'] as const;

/** A checkpoint as its record holds it, read without the engine's own code. */
interface CheckpointRecord {
  readonly sequence: number;
  readonly input: InputRecord;
  readonly repartition: InputRecord;
  readonly marks: Readonly<Record<string, string>>;
  readonly receivedFrom: Readonly<Record<string, number>>;
  readonly resultEnds: Readonly<Record<string, string>>;
  readonly books: Readonly<Record<(typeof BOOKS)[number], number>>;
  readonly sums: Readonly<Record<string, number>>;
  readonly state: LogicState;
}

/** Why a record is no click that is counted here. */
type Rejection = 'malformed' | 'misrouted';

/** A committed record of an input, as the recount judges it. */
interface Judged {
  readonly offset: number;
  /** When it was written there, and when readers came to see it: ms of virtual time. */
  readonly timestampMs: number;
  readonly seenMs: number;
  /** Undefined for one that is to be rejected. */
  readonly click: Click | undefined;
  readonly home: number;
  /** Of a forwarded record, where it was read first. */
  readonly origin?: { readonly partition: number; readonly offset: number };
}

/** One task, as far as readers of committed records can see. */
interface Seen {
  readonly partition: number;
  input: Judged[];
  repartition: Judged[];
  /** Totals, and the offsets of dead letters, not yet covered by a checkpoint that can be checked. */
  results: { offset: number; user: number; total: number }[];
  deadLetters: number[];
  /** Where the letters of rejected records stand, by place, until a checkpoint covers them. */
  readonly rejected: Map<string, number>;
  newestTotal: Map<number, number>;
  readonly windows: WindowRecount;
  readonly sessions: SessionRecount | undefined;
  /** When each id that is at home here was last seen, for each input. */
  readonly ids: Record<'input' | 'repartition', Map<number, number>>;
  /** Checkpoints seen whose results are not all seen yet, and when they were seen. */
  waiting: { readonly checkpoint: CheckpointRecord; readonly seenMs: number }[];
  newest: CheckpointRecord | undefined;
  checked: CheckpointRecord;
  published: Map<number, number>;
  recounted: Map<number, number>;
  /** How far each list above was gone through. */
  inputAt: number;
  repartitionAt: number;
  receivedAt: number[];
  letters: number;
  missed: number;
  late: number;
  /** Set when readers of the partition have come to see something that was not yet checked as a whole. */
  isChanged: boolean;
}

const NOTHING: CheckpointRecord = {
  sequence: 0,
  input: { position: '0' },
  repartition: { position: '0' },
  marks: {},
  receivedFrom: {},
  resultEnds: {},
  books: { read: 0, counted: 0, duplicate: 0, rejected: 0, forwarded: 0, received: 0 },
  sums: {},
  state: { streamTime: null, books: { windowed: 0, missed: 0, late: 0 }, isClosing: false, windowsEnd: '0' },
};

/**
 * Checks after every step what `verify` of the results consumer checks, by an independent recount and on what a reader
 * of committed records sees; and in between what `verify` can only see in the end. Only what is new is looked at.
 */
export class Invariants {
  readonly #world: World;
  readonly #tasks: Seen[];
  /** Offsets up to which each log was looked at. */
  readonly #lookedTo = new Map<ModelLog, number>();
  readonly #letters = new Set<string>();
  readonly #lastForward = new Map<string, number>();
  /** Whether a task is. */
  #hasChanged = false;

  constructor(world: World) {
    this.#world = world;
    this.#tasks = Array.from({ length: world.partitions }, (_, partition) => {
      const sessions = world.sessions && new SessionRecount(world.sessions, partition);
      return {
        partition,
        sessions,
        input: [],
        repartition: [],
        results: [],
        deadLetters: [],
        rejected: new Map<string, number>(),
        newestTotal: new Map<number, number>(),
        windows: new WindowRecount(world, partition, sessions),
        ids: { input: new Map<number, number>(), repartition: new Map<number, number>() },
        waiting: [],
        newest: undefined,
        checked: NOTHING,
        published: new Map<number, number>(),
        recounted: new Map<number, number>(),
        inputAt: 0,
        repartitionAt: 0,
        receivedAt: Array.from({ length: world.partitions }, () => 0),
        letters: 0,
        missed: 0,
        late: 0,
        isChanged: false,
      };
    });
  }

  /** @throws Violation */
  check(): void {
    const { changed, transactions } = this.#world.cluster;
    for (const log of changed) {
      const task = this.#tasks[log.partition];
      if (!task) continue;
      this.#look(log, task);
      task.isChanged = true;
      this.#hasChanged = true;
      while (this.#checkNext(task));
    }
    changed.clear();
    if (!this.#hasChanged) return;
    this.#hasChanged = false;
    for (const task of this.#tasks) {
      if (!task.isChanged) continue;
      if (isEnding(task.partition, transactions)) {
        this.#hasChanged = true;
        continue;
      }
      this.#checkWhole(task);
      task.isChanged = false;
    }
  }

  /** Whether everything that was written is counted, below the newest checkpoints. */
  get isAllCounted(): boolean {
    for (const { hasOpen } of this.#world.cluster.logs.values()) if (hasOpen) return false;
    return this.#tasks.every(
      ({ checked, waiting, input, repartition }) =>
        waiting.length === 0 &&
        Number(checked.input.position) > (input.at(-1)?.offset ?? -1) &&
        Number(checked.repartition.position) > (repartition.at(-1)?.offset ?? -1),
    );
  }

  /** Whether every window and every session has its final result. */
  get isAllClosed(): boolean {
    return this.#tasks.every(
      ({ windows, sessions }) => windows.openWindows === 0 && (sessions?.openSessions ?? 0) === 0,
    );
  }

  /** How many windows and sessions have no final result, for the report. */
  get open(): string {
    return this.#tasks
      .flatMap(({ partition, windows: { openWindows }, sessions }) => {
        const openSessions = sessions?.openSessions ?? 0;
        if (openWindows === 0 && openSessions === 0) return [];
        return [`partition ${partition}: ${openWindows} windows, ${openSessions} sessions`];
      })
      .join('; ');
  }

  /** What is left to be counted, for the report. */
  get missing(): string {
    return this.#tasks
      .map(
        ({ partition, checked, input, repartition }) =>
          `${partition}: input ${checked.input.position} of ${(input.at(-1)?.offset ?? -1) + 1}, repartition ${checked.repartition.position} of ${(repartition.at(-1)?.offset ?? -1) + 1}`,
      )
      .join('; ');
  }

  /** Once everything is counted and nobody works any more. @throws Violation */
  checkEnd(): void {
    let clicks = 0;
    let forwards = 0;
    let counted = 0;
    for (const { partition, input, checked, published } of this.#tasks) {
      for (const { click, home } of input) {
        if (!click) continue;
        clicks++;
        if (home !== partition) forwards++;
      }
      counted += checked.books.duplicate;
      for (const total of published.values()) counted += total;
    }
    expect('clicks counted or known in the end', counted, clicks);
    const received = this.#tasks.flatMap(({ repartition }) => repartition.filter(({ origin }) => origin));
    expect('clicks forwarded in the end', received.length, forwards);
    for (const { id, state } of this.#world.cluster.transactions.all.values())
      if (state !== 'complete') throw new Violation(`the transaction of ${id} is left ${state}`);
    for (const { topic, partition, hasOpen } of this.#world.cluster.logs.values())
      if (hasOpen) throw new Violation(`a transaction is left open in ${topic}/${partition}`);
  }

  /** Takes in what readers have come to see. */
  #look(log: ModelLog, task: Seen): void {
    const { topic, stable, batches } = log;
    const from = this.#lookedTo.get(log) ?? 0;
    if (stable <= from) return;
    let index = batches.length;
    while (index > 0 && (batches[index - 1]?.lastOffset ?? -1) >= from) index--;
    for (; index < batches.length; index++) {
      const batch = batches[index];
      if (!batch || batch.lastOffset >= stable) break;
      if (batch.marker || batch.isAborted) continue;
      for (const record of batch.records) this.#take(task, topic, record);
    }
    this.#lookedTo.set(log, stable);
  }

  #take(task: Seen, topic: string, record: PlacedModelRecord): void {
    const { partitions, coverage } = this.#world;
    const { offset, timestampMs } = record;
    const { partition } = task;
    const seenMs = this.#world.scheduler.nowMs;
    const value = String(record.value);
    switch (topic) {
      case TOPICS.input: {
        const click = decodeClick(value);
        const home = click ? homeOf(click.user, partitions) : partition;
        task.input.push({ offset, timestampMs, seenMs, click, home });
        return;
      }
      case TOPICS.repartition: {
        const headers = new Map(record.headers);
        const from = headers.get('origin-partition');
        if (from === undefined) {
          task.repartition.push({ offset, timestampMs, seenMs, click: undefined, home: partition });
          return;
        }
        coverage.count('forwards committed');
        const origin = { partition: Number(from), offset: Number(headers.get('origin-offset')) };
        const path = `${origin.partition} to ${partition}`;
        if (origin.offset <= (this.#lastForward.get(path) ?? -1))
          throw new Violation(
            `the click of ${origin.partition} at offset ${origin.offset} was forwarded to ${partition} after one at ${this.#lastForward.get(path) ?? '?'}`,
          );
        this.#lastForward.set(path, origin.offset);
        const click = decodeClick(value);
        task.repartition.push({ offset, timestampMs, seenMs, click, home: partition, origin });
        return;
      }
      case TOPICS.results: {
        const user = Number(record.key);
        const total = Number(value);
        const before = task.newestTotal.get(user) ?? 0;
        if (homeOf(user, partitions) !== partition)
          throw new Violation(`partition ${partition} has a total of user ${user}, who is not at home there`);
        if (total <= before)
          throw new Violation(
            `${topic}/${partition} @ ${offset} gives user ${user} a total of ${total} after one of ${before}`,
          );
        task.newestTotal.set(user, total);
        task.results.push({ offset, user, total });
        return;
      }
      case TOPICS.windows:
        task.windows.take(record);
        return;
      case TOPICS.sessions:
        task.sessions?.take(record);
        return;
      case TOPICS.deadLetters: {
        const [place = '', reason, , streamTime] = value.split(' ');
        // One that is late may be late for its session as well.
        const what = reason === 'session-late' ? `${place}, for a session` : place;
        if (this.#letters.has(what)) throw new Violation(`a second dead letter of ${what}`);
        this.#letters.add(what);
        task.deadLetters.push(offset);
        if (reason === 'session-late')
          task.sessions?.takeLetter({ place, offset, streamTime: Number(streamTime) });
        else if (reason === 'late' || reason === 'missed')
          task.windows.takeLetter({ reason, place, offset, streamTime: Number(streamTime) });
        else {
          const due = rejectionOf(task, place);
          if (reason !== due)
            throw new Violation(
              `partition ${partition}: ${place} is listed as ${reason}, and is ${due ?? 'not to be rejected'}`,
            );
          task.rejected.set(place, offset);
        }
        return;
      }
      case TOPICS.checkpoint: {
        const checkpoint = JSON.parse(value) as CheckpointRecord;
        if (checkpoint.sequence !== (task.newest?.sequence ?? 0) + 1)
          throw new Violation(
            `partition ${partition}: checkpoint ${checkpoint.sequence} was committed after checkpoint ${task.newest?.sequence ?? 0}`,
          );
        task.newest = checkpoint;
        task.waiting.push({ checkpoint, seenMs });
      }
    }
  }

  /** Checks the oldest checkpoint that was not, if the results that it covers can be seen. */
  #checkNext(task: Seen): boolean {
    const { partition, checked } = task;
    const waiting = task.waiting[0];
    if (!waiting) return false;
    const { checkpoint: next, seenMs } = waiting;
    const { cluster } = this.#world;
    for (const [topic, end] of Object.entries(next.resultEnds))
      if (cluster.log(topic, partition).stable < Number(end)) return false;
    task.waiting.shift();
    task.checked = next;
    const where = (what: string) => `partition ${partition}, checkpoint ${next.sequence}: ${what}`;

    const delta = { read: 0, counted: 0, duplicate: 0, rejected: 0, forwarded: 0, received: 0 };
    const add = (input: 'input' | 'repartition', place: string, record: Judged, click: Click) => {
      if (isRepetition(task.ids[input], click, record.timestampMs, this.#world.windows.horizonMs)) {
        delta.duplicate++;
        this.#world.coverage.count('duplicates');
        return;
      }
      task.recounted.set(click.user, (task.recounted.get(click.user) ?? 0) + 1);
      delta.counted++;
      task.sessions?.count(place, click);
      const lateness = task.windows.count(place, click, record.seenMs);
      if (lateness === undefined) return;
      task[lateness]++;
      this.#world.coverage.count(lateness === 'late' ? 'late clicks' : 'clicks that missed some windows');
    };
    const lettersEnd = Number(next.resultEnds[TOPICS.deadLetters] ?? 0);
    const reject = (place: string) => {
      delta.rejected++;
      if ((task.rejected.get(place) ?? Infinity) >= lettersEnd)
        throw new Violation(where(`${place} is rejected and has no dead letter`));
      task.rejected.delete(place);
    };
    // Its own input, below the position.
    const position = Number(next.input.position);
    if (position < Number(checked.input.position)) throw new Violation(where('the position went back'));
    if (position > cluster.log(TOPICS.input, partition).stable)
      throw new Violation(where(`position ${position} is behind what can be read`));
    for (; (task.input[task.inputAt]?.offset ?? Infinity) < position; task.inputAt++) {
      const record = task.input[task.inputAt];
      if (!record) break;
      delta.read++;
      const place = `${placeOf(TOPICS.input, partition)}/${record.offset}`;
      if (!record.click) reject(place);
      else if (record.home !== partition) delta.forwarded++;
      else add('input', place, record, record.click);
    }
    // Of every other input, below the mark.
    const expected = new Map<string, Click>();
    for (const origin of this.#tasks) {
      if (origin === task) continue;
      const mark = Number(next.marks[origin.partition] ?? 0);
      let at = task.receivedAt[origin.partition] ?? 0;
      let last = -1;
      let clicks = 0;
      for (; (origin.input[at]?.offset ?? Infinity) < mark; at++) {
        const record = origin.input[at];
        if (!record?.click || record.home !== partition) continue;
        expected.set(`${placeOf(TOPICS.input, origin.partition)}/${record.offset}`, record.click);
        last = record.offset;
        clicks++;
      }
      task.receivedAt[origin.partition] = at;
      if (next.marks[origin.partition] !== checked.marks[origin.partition] && last !== mark - 1)
        throw new Violation(where(`mark ${mark} of partition ${origin.partition} is behind no click for us`));
      const receivedFrom = (of: CheckpointRecord) => of.receivedFrom[origin.partition] ?? 0;
      const received = receivedFrom(next) - receivedFrom(checked);
      if (received !== clicks)
        throw new Violation(
          where(`${received} clicks received from partition ${origin.partition}, expected ${clicks}`),
        );
    }
    // The repartition topic has just these, and what was rejected.
    const repartitionPosition = Number(next.repartition.position);
    for (
      ;
      (task.repartition[task.repartitionAt]?.offset ?? Infinity) < repartitionPosition;
      task.repartitionAt++
    ) {
      const record = task.repartition[task.repartitionAt];
      if (!record) break;
      delta.received++;
      if (!record.origin) {
        reject(`${placeOf(TOPICS.repartition, partition)}/${record.offset}`);
        continue;
      }
      const place = `${placeOf(TOPICS.input, record.origin.partition)}/${record.origin.offset}`;
      const click = expected.get(place);
      if (!click || click.id !== record.click?.id)
        throw new Violation(where(`the click of ${place} was received, and no mark is behind it`));
      expected.delete(place);
      add('repartition', place, record, click);
    }
    if (expected.size !== 0)
      throw new Violation(where(`${expected.size} more clicks are counted than were received`));

    for (const book of BOOKS)
      expect(where(`books.${book}`), next.books[book], checked.books[book] + delta[book]);
    const { books } = next;
    expect(
      where('books balance'),
      books.counted + books.duplicate + books.rejected + books.forwarded,
      books.read + books.received,
    );

    const end = Number(next.resultEnds[TOPICS.results] ?? 0);
    while ((task.results[0]?.offset ?? Infinity) < end) {
      const result = task.results.shift();
      if (result) task.published.set(result.user, result.total);
    }
    let clicks = 0;
    for (const [user, count] of task.recounted) {
      expect(where(`the total of user ${user}`), task.published.get(user), count);
      clicks += count;
    }
    expect(where('users with a total'), task.published.size, task.recounted.size);
    expect(where('sums.clicks'), next.sums['clicks'], clicks);
    expect(where('sums.users'), next.sums['users'], task.recounted.size);
    while ((task.deadLetters[0] ?? Infinity) < lettersEnd) {
      task.deadLetters.shift();
      task.letters++;
    }
    for (const [place, offset] of task.rejected)
      if (offset < lettersEnd) throw new Violation(where(`${place} is listed, and is not rejected yet`));
    expect(
      where('dead letters'),
      task.letters,
      books.rejected + task.missed + task.late + (task.sessions?.late ?? 0),
    );
    const resultsEnd = Number(next.resultEnds[TOPICS.windows] ?? 0);
    const counts = { counted: clicks, missed: task.missed, late: task.late };
    task.windows.check(next.state, next.sums, counts, { resultsEnd, lettersEnd, seenMs }, where);
    const { streamTime, isClosing, sessions = { sessioned: 0, sessionLate: 0 } } = next.state;
    const ends = { resultsEnd: Number(next.resultEnds[TOPICS.sessions] ?? 0), lettersEnd };
    task.sessions?.check(streamTime, isClosing, next.sums, sessions, ends, where);
    return true;
  }

  /** While no transaction of the task is being ended, what is committed and the checkpoints agree. */
  #checkWhole(task: Seen): void {
    const { partition, newest = NOTHING } = task;
    const { cluster } = this.#world;
    const where = `partition ${partition}, checkpoint ${newest.sequence}`;
    if (task.waiting.length > 0) throw new Violation(`${where}: results that it covers are missing`);
    if (
      task.results.length > 0 ||
      task.deadLetters.length > 0 ||
      task.windows.isAhead ||
      task.sessions?.isAhead
    )
      throw new Violation(`${where} does not cover results that are committed`);
    for (const [input, topic] of [
      ['input', TOPICS.input],
      ['repartition', TOPICS.repartition],
    ] as const) {
      const offset = cluster.groupOffsets.get(placeOf(topic, partition));
      const said = newest[input].groupOffset;
      expect(
        `${where}: the group's offset of ${topic}`,
        offset,
        said === undefined ? undefined : Number(said),
      );
    }
    const { position, rebuildFrom = position } = newest.repartition;
    if (cluster.log(TOPICS.repartition, partition).start > Number(rebuildFrom))
      throw new Violation(`${where}: forwards were purged that are still needed`);
  }
}

/** Whether a transaction of a task is decided and not yet seen to be so everywhere. */
function isEnding(partition: number, { ending }: ModelTransactions): boolean {
  if (ending.size === 0) return false;
  const own = `${APPLICATION_ID}-${partition}`;
  // With a planted bug, ids go on after the partition.
  for (const { id } of ending) if (id === own || id.startsWith(`${own} `)) return true;
  return false;
}

/** Why the record of a place is to be rejected by this task; undefined if it is not, or is none of its own. */
function rejectionOf({ partition, input, repartition }: Seen, place: string): Rejection | undefined {
  const [topic = '', of, offset] = place.split('/');
  if (Number(of) !== partition) return undefined;
  const at = (record: Judged) => record.offset === Number(offset);
  if (topic === TOPICS.input) {
    const record = input.find(at);
    return record && !record.click ? 'malformed' : undefined;
  }
  const record = topic === TOPICS.repartition ? repartition.find(at) : undefined;
  return record && !record.origin ? 'misrouted' : undefined;
}

/** Takes note of a click's id. @returns whether it was there within the horizon before. */
function isRepetition(
  lastSeen: Map<number, number>,
  { id }: Click,
  timestampMs: number,
  horizonMs: number,
): boolean {
  const before = lastSeen.get(id);
  lastSeen.set(id, timestampMs);
  return before !== undefined && timestampMs - before <= horizonMs;
}
