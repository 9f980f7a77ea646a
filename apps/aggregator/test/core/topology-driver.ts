import { createHash } from 'node:crypto';
import { homePartition } from '@clickstream/kafka-client';
import {
  decodeClosedUntil,
  decodeDeadLetter,
  decodePageClicks,
  decodeRunningTotal,
  decodeUserSession,
  isClosedUntilKey,
  type ClosedUntil,
  type Decoded,
  type DecodedDeadLetter,
  type PageClicks,
  type RecordFormat,
  type RunningTotal,
  type UserSession,
} from '@clickstream/schema';
import {
  ClickTopology,
  type ClickOrigin,
  type ClickOutput,
  type ClickTopologySnapshot,
  type ForwardedFrom,
} from '../../src/core/click-topology.ts';
import type { InputName } from '../../src/core/inputs.ts';
import { TestRecord, type TestRecordOptions } from './test-record.ts';

export const CLICKS = 'clicks';
const TOTALS = 'totals';
const PAGES = 'pages';
const SESSIONS = 'sessions';
const DEAD_LETTERS = 'dead-letters';

type Verdict = 'counted' | 'duplicate' | 'rejected' | 'forwarded';

/** What a test of windows, sessions or duplicates may set; without it nothing is late, nothing is of the future. */
export interface DriverOptions {
  readonly partitions?: number;
  readonly format?: RecordFormat;
  readonly emit?: 'coalesced' | 'every';
  readonly sizeMs?: number;
  readonly advanceMs?: number;
  readonly graceMs?: number;
  readonly maxPages?: number;
  readonly pageKey?: 'path' | 'url';
  readonly sessionGapMs?: number;
  readonly maxFutureMs?: number;
  readonly horizonMs?: number;
  readonly maxIds?: number;
  /** Records that a transaction holds. */
  readonly maxRecords?: number;
}

/** What happened to a task, to happen again after a restart. */
type TaskEvent =
  | { readonly kind: 'record'; readonly record: TestRecord; readonly from: ForwardedFrom }
  | { readonly kind: 'caughtUp'; readonly input: InputName; readonly isCaughtUp: boolean }
  | { readonly kind: 'idle' };

/** One output topic of a partition. */
interface WrittenLog {
  records: TestRecord[];
  nextOffset: bigint;
}

/** What a commit leaves behind, as it stands in a checkpoint. */
interface Commit {
  readonly events: number;
  readonly snapshot: string;
  readonly sums: Readonly<Record<string, number>>;
  readonly rebuildFrom: Readonly<Record<InputName, bigint>>;
  readonly resultsFrom: Readonly<Record<string, bigint>>;
  readonly ends: Readonly<Record<string, bigint>>;
}

interface Task {
  topology: ClickTopology<TestRecord>;
  readonly nextOffset: Record<InputName, bigint>;
  /** Everything that came, in order. */
  readonly events: TaskEvent[];
  readonly logs: Readonly<Record<string, WrittenLog>>;
  commit: Commit | undefined;
  /** Records of each transaction, the one under way last. */
  readonly transactions: number[];
  /** Forwarded to it and not yet read. */
  readonly waiting: { record: TestRecordOptions; from: ClickOrigin }[];
}

/**
 * The topology of all partitions, driven by hand: no broker, no clock; forwarded records wait until they are delivered,
 * idle time passes when it is told, and a task starts again from what stands in its topics.
 */
export class TopologyDriver {
  readonly verdicts: Verdict[] = [];
  readonly #options: Required<DriverOptions>;
  readonly #tasks: Task[];

  constructor(options: DriverOptions = {}) {
    this.#options = {
      partitions: 3,
      format: 'json',
      emit: 'every',
      sizeMs: 60_000,
      advanceMs: options.sizeMs ?? 60_000,
      graceMs: 1e9,
      maxPages: 1_000,
      pageKey: 'path',
      sessionGapMs: 1_800_000,
      maxFutureMs: 1e15,
      horizonMs: 3_600_000,
      maxIds: 1_000_000,
      maxRecords: Infinity,
      ...options,
    };
    this.#tasks = Array.from({ length: this.#options.partitions }, (_, partition) => ({
      topology: this.#createTopology(partition),
      nextOffset: { input: 0n, repartition: 0n },
      events: [],
      logs: Object.fromEntries(
        [TOTALS, PAGES, SESSIONS, DEAD_LETTERS].map((topic) => [topic, { records: [], nextOffset: 0n }]),
      ),
      commit: undefined,
      transactions: [0],
      waiting: [],
    }));
  }

  homeOf(userId: string): number {
    return homePartition(Buffer.from(userId), this.#options.partitions);
  }

  /** Reads one record from the click topic. */
  read(partition: number, options: Omit<TestRecordOptions, 'offset'>): Verdict {
    const offset = this.#task(partition).nextOffset.input++;
    return this.#process(partition, new TestRecord({ ...options, offset }), undefined);
  }

  /** Reads one record from the repartition topic, which was the same where it was read first unless `from` says otherwise. */
  receive(
    partition: number,
    options: Omit<TestRecordOptions, 'offset'>,
    from: (Omit<ClickOrigin, 'key' | 'headers'> & Partial<ClickOrigin>) | 'unknown',
  ): Verdict {
    const offset = this.#task(partition).nextOffset.repartition++;
    const record = new TestRecord({ ...options, offset });
    const as = { key: record.key(), headers: record.headers() };
    return this.#process(partition, record, from === 'unknown' ? from : { ...as, ...from });
  }

  /** Delivers what was forwarded to a partition, or to all of them. */
  deliver(partition?: number): void {
    for (const [index, { waiting }] of this.#tasks.entries())
      if (partition === undefined || partition === index)
        for (const { record, from } of waiting.splice(0)) this.receive(index, record, from);
  }

  /** Tells a partition how far its inputs are read. */
  caughtUp(partition: number, input: InputName, isCaughtUp: boolean): void {
    const task = this.#task(partition);
    task.events.push({ kind: 'caughtUp', input, isCaughtUp });
    task.topology.caughtUp(input, isCaughtUp);
  }

  /** Tells a partition of idle time. Returns whether that has to be committed. */
  idle(partition: number, idleMs: number, wallClockMs = Infinity): boolean {
    const task = this.#task(partition);
    task.events.push({ kind: 'idle' });
    this.drain(partition);
    return task.topology.idle(idleMs, wallClockMs, this.#output(partition));
  }

  /** Ends a transaction of a partition, or of all of them. */
  commit(partition?: number): void {
    for (const [index, task] of this.#tasks.entries()) {
      if (partition !== undefined && partition !== index) continue;
      const { topology, logs, nextOffset, events } = task;
      topology.flush(this.#output(index));
      task.transactions.push(0);
      // The commit leaves a marker.
      for (const log of Object.values(logs)) log.nextOffset++;
      task.commit = {
        events: events.length,
        snapshot: JSON.stringify(topology.snapshot()),
        sums: topology.sums(),
        rebuildFrom: {
          input: topology.rebuildFrom('input', nextOffset.input),
          repartition: topology.rebuildFrom('repartition', nextOffset.repartition),
        },
        resultsFrom: topology.resultsFrom(),
        ends: Object.fromEntries(Object.entries(logs).map(([topic, log]) => [topic, log.nextOffset])),
      };
    }
  }

  /** Commits what is left to be closed, before anything else may happen. */
  drain(partition: number): void {
    while (this.isClosing(partition)) this.commit(partition);
  }

  /**
   * Throws the state of a partition away, and what it wrote since the last commit; reads it back from its topics, and
   * the rest of the input again. Idle time that was not committed never happened.
   *
   * @param lost records at the begin of the input that retention has removed meanwhile.
   * @param compacted whether the log cleaner has been there.
   * @throws Error if the state read back is not that of the commit.
   */
  restart(
    partition: number,
    { compacted = false, lost = 0n, ...options }: DriverOptions & { compacted?: boolean; lost?: bigint } = {},
  ): void {
    Object.assign(this.#options, options);
    const task = this.#task(partition);
    const topology = this.#createTopology(partition);
    task.topology = topology;
    // The open transaction is aborted.
    task.transactions.splice(-1, 1, 0);
    const { commit, logs } = task;
    for (const [topic, log] of Object.entries(logs)) {
      const end = commit?.ends[topic] ?? 0n;
      log.records = log.records.filter(({ offset }) => offset < end);
      log.nextOffset = end;
      if (compacted && topic !== DEAD_LETTERS) log.records = compact(log.records);
    }
    if (commit) {
      topology.resume(JSON.parse(commit.snapshot));
      for (const topic of [SESSIONS, PAGES, TOTALS])
        for (const record of logs[topic]?.records ?? [])
          if (record.offset >= (commit.resultsFrom[topic] ?? 0n)) topology.restore(topic, record);
      const sums = JSON.stringify(topology.sums());
      if (sums !== JSON.stringify(commit.sums))
        throw new Error(`restored ${sums} instead of ${JSON.stringify(commit.sums)}`);
      for (const input of ['input', 'repartition'] as const) {
        if (input === 'input' && lost > commit.rebuildFrom.input)
          topology.rebuildIsPartial({ input, below: lost });
        for (const event of task.events.slice(0, commit.events))
          if (event.kind === 'record' && (event.from === undefined) === (input === 'input'))
            if (event.record.offset >= commit.rebuildFrom[input] && event.record.offset >= lost)
              topology.rebuild(event.record, event.from);
      }
    }
    const rest = task.events.splice(commit?.events ?? 0);
    for (const event of rest) {
      if (event.kind === 'record') this.#process(partition, event.record, event.from, true);
      else if (event.kind === 'caughtUp') this.caughtUp(partition, event.input, event.isCaughtUp);
    }
  }

  /** Deletes the total of a user, as an administrator may. */
  tombstone(partition: number, userId: string): void {
    this.#append(partition, TOTALS, { key: userId, value: null });
  }

  /** Writes what is no result over what stands under a key. */
  corrupt(partition: number, key: string, topic: 'totals' | 'pages' | 'sessions' = TOTALS): void {
    this.#append(partition, topic, { key, value: '17' });
    const task = this.#task(partition);
    const end = task.logs[topic]?.nextOffset ?? 0n;
    if (task.commit) task.commit = { ...task.commit, ends: { ...task.commit.ends, [topic]: end } };
  }

  /** Changes what the last commit says, to what another version would have said. */
  amend(partition: number, changes: object): void {
    const task = this.#task(partition);
    if (!task.commit) return;
    const snapshot: unknown = { ...(JSON.parse(task.commit.snapshot) as object), ...changes };
    task.commit = { ...task.commit, snapshot: JSON.stringify(snapshot) };
  }

  sums(partition: number): ReturnType<ClickTopology<TestRecord>['sums']> {
    return this.#task(partition).topology.sums();
  }

  memory(partition: number): ReturnType<ClickTopology<TestRecord>['memory']> {
    return this.#task(partition).topology.memory();
  }

  snapshot(partition: number): ClickTopologySnapshot {
    return this.#task(partition).topology.snapshot();
  }

  heldBack(partition: number): number {
    return this.#task(partition).topology.heldBack;
  }

  /** Records of each transaction so far, the one under way left out. */
  transactions(partition: number): readonly number[] {
    return this.#task(partition).transactions.slice(0, -1);
  }

  isClosing(partition: number): boolean {
    return this.#task(partition).topology.isClosing;
  }

  /** Where the last commit would have the inputs and results read from. */
  lastCommit(partition: number): Pick<Commit, 'rebuildFrom' | 'resultsFrom'> {
    const { commit } = this.#task(partition);
    if (!commit) throw new Error(`partition ${partition} has committed nothing`);
    return commit;
  }

  /** All totals written to a partition, or to all of them, one partition after another. */
  totals(partition?: number): RunningTotal[] {
    return this.#written(TOTALS, partition).map((record) =>
      decoded(decodeRunningTotal(record.key(), record.value(), (name) => record.header(name))),
    );
  }

  /** Values of the totals written to a partition, as they stand there. */
  totalValues(partition: number): string[] {
    return this.#written(TOTALS, partition).map((record) => String(record.value()));
  }

  /** The newest total of each user. */
  newestTotals(): Map<string, RunningTotal> {
    return new Map(this.totals().map((total) => [total.userId, total]));
  }

  /** All results of page windows written to a partition, or to all of them. */
  pages(partition?: number): PageClicks[] {
    return this.#written(PAGES, partition)
      .filter((record) => !isClosedUntilKey(record.key()))
      .map((record) => decoded(decodePageClicks(record.key(), record.value())));
  }

  /** All `closedUntil` records written to a partition. */
  closedUntil(partition: number): ClosedUntil[] {
    return this.#written(PAGES, partition)
      .filter((record) => isClosedUntilKey(record.key()))
      .map((record) => decoded(decodeClosedUntil(record.key(), record.value())));
  }

  /** All sessions written to a partition, or to all of them; a tombstone is its key. */
  sessions(partition?: number): (UserSession | string)[] {
    return this.#written(SESSIONS, partition).map((record) => {
      const [key, value] = [record.key(), record.value()];
      return value === null ? String(key) : decoded(decodeUserSession(key, value));
    });
  }

  /** Every record of a topic as text, for comparing one run with another. */
  texts(partition: number): string[] {
    return [TOTALS, PAGES, SESSIONS, DEAD_LETTERS].flatMap((topic) =>
      this.#written(topic, partition).map(
        (record) => `${topic} ${String(record.key())} ${String(record.value())} ${headersText(record)}`,
      ),
    );
  }

  deadLetters(partition?: number): DecodedDeadLetter[] {
    return this.#written(DEAD_LETTERS, partition).map((record) =>
      decoded(decodeDeadLetter({ key: record.key(), value: record.value(), headers: record.headers() })),
    );
  }

  #process(partition: number, record: TestRecord, from: ForwardedFrom, isRepeated = false): Verdict {
    const task = this.#task(partition);
    this.drain(partition);
    task.events.push({ kind: 'record', record, from });
    const verdict = task.topology.process(record, from, this.#output(partition, isRepeated));
    if (!isRepeated) this.verdicts.push(verdict);
    return verdict;
  }

  #createTopology(partition: number): ClickTopology<TestRecord> {
    const { format, emit, graceMs, sessionGapMs, maxFutureMs, horizonMs, maxIds } = this.#options;
    const { sizeMs, advanceMs, maxPages, pageKey } = this.#options;
    return new ClickTopology<TestRecord>({
      partition,
      topics: {
        repartition: 'repartition',
        clicks: CLICKS,
        totals: TOTALS,
        pages: PAGES,
        sessions: SESSIONS,
        deadLetters: DEAD_LETTERS,
      },
      homeOf: (userId) => homePartition(userId, this.#options.partitions),
      hashText,
      format,
      emit,
      windows: { sizeMs, advanceMs, maxPages, pageKey },
      sessionGapMs,
      graceMs,
      maxFutureMs,
      deduplication: { horizonMs, maxIds },
    });
  }

  #output(partition: number, isRepeated = false): ClickOutput<TestRecord> {
    return {
      write: ({ topic, key, value, headers = {} }) => {
        const list = Object.entries(headers).flatMap(([name, values]) =>
          [values].flat().map((bytes): [string, Buffer] => [name, Buffer.from(bytes)]),
        );
        const { transactions } = this.#task(partition);
        transactions.push((transactions.pop() ?? 0) + 1);
        return this.#append(partition, topic, { key, value, headers: list });
      },
      isFull: () => {
        const { topology, transactions } = this.#task(partition);
        return (transactions.at(-1) ?? 0) + topology.heldBack >= this.#options.maxRecords;
      },
      forward: (record, home, key) => {
        // What was forwarded before a restart waits already, or was delivered.
        if (isRepeated) return;
        const { offset, timestampMs } = record;
        this.#task(home).waiting.push({
          record: { key, value: record.value(), headers: record.headers(), timestampMs },
          from: {
            topic: CLICKS,
            partition,
            offset,
            timestampMs,
            key: record.key(),
            headers: record.headers(),
          },
        });
      },
    };
  }

  #append(partition: number, topic: string, options: TestRecordOptions): bigint {
    const log = this.#task(partition).logs[topic];
    if (!log) throw new Error(`written to ${topic}`);
    const offset = log.nextOffset++;
    log.records.push(new TestRecord({ ...options, offset }));
    return offset;
  }

  #written(topic: string, partition?: number): TestRecord[] {
    return this.#tasks.flatMap(({ logs }, index) =>
      partition === undefined || partition === index ? (logs[topic]?.records ?? []) : [],
    );
  }

  #task(partition: number): Task {
    const task = this.#tasks[partition];
    if (!task) throw new Error(`there is no partition ${partition}`);
    return task;
  }
}

/** The first 64 bits of a text's SHA-256. */
function hashText(text: string, into: Uint32Array): void {
  const digest = createHash('sha256').update(text).digest();
  into[0] = digest.readUInt32LE(0);
  into[1] = digest.readUInt32LE(4);
}

/** What compaction leaves: the newest record of each key, and of tombstones nothing. */
function compact(records: readonly TestRecord[]): TestRecord[] {
  const newest = new Map(records.map((record) => [String(record.key()), record]));
  return records.filter((record) => newest.get(String(record.key())) === record && record.valueStart >= 0);
}

function decoded<T>(result: Decoded<T>): T {
  if (result.status === 'malformed') throw new Error(result.detail);
  return result.value;
}

function headersText(record: TestRecord): string {
  return record
    .headers()
    .map(([name, value]) => `${name}=${String(value)}`)
    .sort()
    .join(' ');
}
