import { homeOf, userOf } from './counting-logic.ts';
import { placeOf } from './model-cluster.ts';
import type { ModelLog, PlacedModelRecord } from './model-log.ts';
import { APPLICATION_ID, TOPICS, type World } from './simulation-world.ts';

/** What must never be seen was seen. */
export class Violation extends Error {
  override readonly name = 'Violation';
}

/** A checkpoint as its record holds it, read without the engine's own code. */
interface CheckpointRecord {
  readonly sequence: number;
  readonly input: { readonly position: string; readonly groupOffset?: string };
  readonly repartition: { readonly position: string; readonly groupOffset?: string };
  readonly marks: Readonly<Record<string, string>>;
  readonly resultEnds: Readonly<Record<string, string>>;
  readonly books: Readonly<Record<'read' | 'counted' | 'rejected' | 'forwarded' | 'received', number>>;
  readonly sums: Readonly<Record<string, number>>;
}

/** A committed record of an input, as the recount judges it. */
interface Judged {
  readonly offset: number;
  /** Undefined for one that is to be rejected. */
  readonly user: number | undefined;
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
  newestTotal: Map<number, number>;
  /** Checkpoints seen whose results are not all seen yet. */
  waiting: CheckpointRecord[];
  newest: CheckpointRecord | undefined;
  checked: CheckpointRecord;
  published: Map<number, number>;
  recounted: Map<number, number>;
  /** How far each list above was gone through. */
  inputAt: number;
  repartitionAt: number;
  receivedAt: number[];
  letters: number;
}

const NOTHING: CheckpointRecord = {
  sequence: 0,
  input: { position: '0' },
  repartition: { position: '0' },
  marks: {},
  resultEnds: {},
  books: { read: 0, counted: 0, rejected: 0, forwarded: 0, received: 0 },
  sums: {},
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

  constructor(world: World) {
    this.#world = world;
    this.#tasks = Array.from({ length: world.partitions }, (_, partition) => ({
      partition,
      input: [],
      repartition: [],
      results: [],
      deadLetters: [],
      newestTotal: new Map<number, number>(),
      waiting: [],
      newest: undefined,
      checked: NOTHING,
      published: new Map<number, number>(),
      recounted: new Map<number, number>(),
      inputAt: 0,
      repartitionAt: 0,
      receivedAt: Array.from({ length: world.partitions }, () => 0),
      letters: 0,
    }));
  }

  /** @throws Violation */
  check(): void {
    const { changed } = this.#world.cluster;
    if (changed.size === 0) return;
    for (const log of changed) this.#look(log);
    changed.clear();
    for (const task of this.#tasks) {
      while (this.#checkNext(task));
      this.#checkWhole(task);
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
    const clicks = new Map<number, number>();
    let forwards = 0;
    for (const { partition, input } of this.#tasks)
      for (const { user, home } of input) {
        if (user === undefined) continue;
        clicks.set(user, (clicks.get(user) ?? 0) + 1);
        if (home !== partition) forwards++;
      }
    for (const [user, count] of clicks) {
      const published = this.#tasks[homeOf(user, this.#world.partitions)]?.published.get(user);
      expect(`the total of user ${user} in the end`, published, count);
    }
    const received = this.#tasks.flatMap(({ repartition }) => repartition.filter(({ origin }) => origin));
    expect('clicks forwarded in the end', received.length, forwards);
    for (const { id, state } of this.#world.cluster.transactions.all.values())
      if (state !== 'complete') throw new Violation(`the transaction of ${id} is left ${state}`);
    for (const { topic, partition, hasOpen } of this.#world.cluster.logs.values())
      if (hasOpen) throw new Violation(`a transaction is left open in ${topic}/${partition}`);
  }

  /** Takes in what readers have come to see. */
  #look(log: ModelLog): void {
    const { topic, partition, stable, batches } = log;
    const task = this.#tasks[partition];
    if (!task) return;
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
    const { offset } = record;
    const { partition } = task;
    const value = String(record.value);
    switch (topic) {
      case TOPICS.input: {
        const user = userOf(value);
        task.input.push({ offset, user, home: user === undefined ? partition : homeOf(user, partitions) });
        return;
      }
      case TOPICS.repartition: {
        const headers = new Map(record.headers);
        const from = headers.get('origin-partition');
        if (from === undefined) {
          task.repartition.push({ offset, user: undefined, home: partition });
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
        task.repartition.push({ offset, user: userOf(value), home: partition, origin });
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
      case TOPICS.deadLetters:
        if (this.#letters.has(value)) throw new Violation(`a second dead letter of ${value}`);
        this.#letters.add(value);
        task.deadLetters.push(offset);
        return;
      case TOPICS.checkpoint: {
        const checkpoint = JSON.parse(value) as CheckpointRecord;
        if (checkpoint.sequence !== (task.newest?.sequence ?? 0) + 1)
          throw new Violation(
            `partition ${partition}: checkpoint ${checkpoint.sequence} was committed after checkpoint ${task.newest?.sequence ?? 0}`,
          );
        task.newest = checkpoint;
        task.waiting.push(checkpoint);
      }
    }
  }

  /** Checks the oldest checkpoint that was not, if the results that it covers can be seen. */
  #checkNext(task: Seen): boolean {
    const { partition, checked } = task;
    const next = task.waiting[0];
    if (!next) return false;
    const { cluster } = this.#world;
    for (const [topic, end] of Object.entries(next.resultEnds))
      if (cluster.log(topic, partition).stable < Number(end)) return false;
    task.waiting.shift();
    task.checked = next;
    const where = (what: string) => `partition ${partition}, checkpoint ${next.sequence}: ${what}`;

    const delta = { read: 0, counted: 0, rejected: 0, forwarded: 0, received: 0 };
    const add = (user: number) => {
      task.recounted.set(user, (task.recounted.get(user) ?? 0) + 1);
      delta.counted++;
    };
    // Its own input, below the position.
    const position = Number(next.input.position);
    if (position < Number(checked.input.position)) throw new Violation(where('the position went back'));
    if (position > cluster.log(TOPICS.input, partition).stable)
      throw new Violation(where(`position ${position} is behind what can be read`));
    for (; (task.input[task.inputAt]?.offset ?? Infinity) < position; task.inputAt++) {
      const record = task.input[task.inputAt];
      delta.read++;
      if (record?.user === undefined) delta.rejected++;
      else if (record.home !== partition) delta.forwarded++;
      else add(record.user);
    }
    // Of every other input, below the mark.
    let received = 0;
    for (const origin of this.#tasks) {
      if (origin === task) continue;
      const mark = Number(next.marks[origin.partition] ?? 0);
      let at = task.receivedAt[origin.partition] ?? 0;
      let last = -1;
      for (; (origin.input[at]?.offset ?? Infinity) < mark; at++) {
        const record = origin.input[at];
        if (record?.user === undefined || record.home !== partition) continue;
        add(record.user);
        received++;
        last = record.offset;
      }
      task.receivedAt[origin.partition] = at;
      if (next.marks[origin.partition] !== checked.marks[origin.partition] && last !== mark - 1)
        throw new Violation(where(`mark ${mark} of partition ${origin.partition} is behind no click for us`));
    }
    // The repartition topic has just these, and what was rejected.
    const repartitionPosition = Number(next.repartition.position);
    for (
      ;
      (task.repartition[task.repartitionAt]?.offset ?? Infinity) < repartitionPosition;
      task.repartitionAt++
    ) {
      delta.received++;
      if (task.repartition[task.repartitionAt]?.origin) received--;
      else delta.rejected++;
    }
    if (received !== 0) throw new Violation(where(`${received} more clicks are counted than were received`));

    for (const [name, by] of Object.entries(delta)) {
      const book = name as keyof typeof delta;
      expect(where(`books.${book}`), next.books[book], checked.books[book] + by);
    }
    const { books } = next;
    expect(
      where('books balance'),
      books.counted + books.rejected + books.forwarded,
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
    const lettersEnd = Number(next.resultEnds[TOPICS.deadLetters] ?? 0);
    while ((task.deadLetters[0] ?? Infinity) < lettersEnd) {
      task.deadLetters.shift();
      task.letters++;
    }
    expect(where('dead letters'), task.letters, books.rejected);
    return true;
  }

  /** While no transaction of the task is being ended, what is committed and the checkpoints agree. */
  #checkWhole(task: Seen): void {
    const { partition, newest = NOTHING } = task;
    const { cluster } = this.#world;
    const id = `${APPLICATION_ID}-${partition}`;
    for (const transaction of cluster.transactions.all.values())
      if (
        transaction.state.startsWith('prepare') &&
        (transaction.id === id || transaction.id.startsWith(`${id} `))
      )
        return;
    const where = `partition ${partition}, checkpoint ${newest.sequence}`;
    if (task.waiting.length > 0) throw new Violation(`${where}: results that it covers are missing`);
    if (task.results.length > 0 || task.deadLetters.length > 0)
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
    if (cluster.log(TOPICS.repartition, partition).start > Number(newest.repartition.position))
      throw new Violation(`${where}: forwards were purged that are not counted`);
  }
}

function expect(what: string, found: number | undefined, expected: number | undefined): void {
  if (found !== expected)
    throw new Violation(`${what}: expected ${expected ?? 'none'}, found ${found ?? 'none'}`);
}
