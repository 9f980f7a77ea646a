import { homePartition } from '@clickstream/kafka-client';
import {
  decodeDeadLetter,
  decodeRunningTotal,
  type DecodedDeadLetter,
  type RecordFormat,
  type RunningTotal,
} from '@clickstream/schema';
import { ClickTopology, type ClickOrigin, type ClickOutput } from '../../src/core/click-topology.ts';
import { TestRecord, type TestRecordOptions } from './test-record.ts';

export const CLICKS = 'clicks';
const TOTALS = 'totals';
const DEAD_LETTERS = 'dead-letters';

type Verdict = 'counted' | 'rejected' | 'forwarded';

interface Task {
  topology: ClickTopology<TestRecord>;
  nextOffset: bigint;
  /** The partition of each output topic, as a reader of it finds it. */
  readonly written: Map<string, TestRecord[]>;
  /** Forwarded to it and not yet read. */
  readonly waiting: { record: TestRecord; from: ClickOrigin }[];
}

/** The topology of all partitions, driven by hand: no broker, forwarded records wait until they are delivered. */
export class TopologyDriver {
  readonly verdicts: Verdict[] = [];
  readonly #tasks: Task[];
  readonly #partitions: number;
  readonly #format: RecordFormat;
  readonly #emit: 'coalesced' | 'every';

  constructor({
    partitions = 3,
    format = 'json',
    emit = 'every',
  }: { partitions?: number; format?: RecordFormat; emit?: 'coalesced' | 'every' } = {}) {
    this.#partitions = partitions;
    this.#format = format;
    this.#emit = emit;
    this.#tasks = Array.from({ length: partitions }, (_, partition) => ({
      topology: this.#createTopology(partition),
      nextOffset: 0n,
      written: new Map([
        [TOTALS, []],
        [DEAD_LETTERS, []],
      ]),
      waiting: [],
    }));
  }

  homeOf(userId: string): number {
    return homePartition(Buffer.from(userId), this.#partitions);
  }

  /** Reads one record from the click topic. */
  read(partition: number, options: Omit<TestRecordOptions, 'offset'>): Verdict {
    const task = this.#task(partition);
    const record = new TestRecord({ ...options, offset: task.nextOffset++ });
    return this.#process(partition, record, undefined);
  }

  /** Reads one record from the repartition topic. */
  receive(partition: number, options: TestRecordOptions, from: ClickOrigin | 'unknown'): Verdict {
    return this.#process(partition, new TestRecord(options), from);
  }

  /** Delivers what was forwarded to a partition, or to all of them. */
  deliver(partition?: number): void {
    for (const [index, { waiting }] of this.#tasks.entries())
      if (partition === undefined || partition === index)
        for (const { record, from } of waiting.splice(0)) this.#process(index, record, from);
  }

  /** Ends a transaction of a partition, or of all of them. */
  commit(partition?: number): void {
    for (const [index, { topology }] of this.#tasks.entries())
      if (partition === undefined || partition === index) topology.flush(this.#output(index));
  }

  /** Throws the state of a partition away and reads it back from what was written. */
  restart(partition: number): void {
    const task = this.#task(partition);
    task.topology = this.#createTopology(partition);
    for (const record of task.written.get(TOTALS) ?? []) task.topology.restore(TOTALS, record);
  }

  /** Deletes the total of a user, as an administrator may. */
  tombstone(partition: number, userId: string): void {
    this.#task(partition)
      .written.get(TOTALS)
      ?.push(new TestRecord({ key: userId, value: null }));
  }

  /** Writes what is no total over that of a user. */
  corrupt(partition: number, userId: string): void {
    this.#task(partition)
      .written.get(TOTALS)
      ?.push(new TestRecord({ key: userId, value: '17' }));
  }

  sums(partition: number): { clicks: number; users: number } {
    return this.#task(partition).topology.sums();
  }

  /** All totals written to a partition, or to all of them, one partition after another. */
  totals(partition?: number): RunningTotal[] {
    return this.#written(TOTALS, partition).map((record) => {
      const decoded = decodeRunningTotal(record.key(), record.value(), (name) => record.header(name));
      if (decoded.status === 'malformed') throw new Error(decoded.detail);
      return decoded.value;
    });
  }

  /** Values of the totals written to a partition, as they stand there. */
  totalValues(partition: number): string[] {
    return this.#written(TOTALS, partition).map((record) => String(record.value()));
  }

  /** The newest total of each user. */
  newestTotals(): Map<string, RunningTotal> {
    return new Map(this.totals().map((total) => [total.userId, total]));
  }

  deadLetters(): DecodedDeadLetter[] {
    return this.#written(DEAD_LETTERS).map((record) => {
      const decoded = decodeDeadLetter({
        key: record.key(),
        value: record.value(),
        headers: record.headers(),
      });
      if (decoded.status === 'malformed') throw new Error(decoded.detail);
      return decoded.value;
    });
  }

  #process(partition: number, record: TestRecord, from: ClickOrigin | 'unknown' | undefined): Verdict {
    const verdict = this.#task(partition).topology.process(record, from, this.#output(partition));
    this.verdicts.push(verdict);
    return verdict;
  }

  #createTopology(partition: number): ClickTopology<TestRecord> {
    return new ClickTopology<TestRecord>({
      partition,
      topics: { clicks: CLICKS, totals: TOTALS, deadLetters: DEAD_LETTERS },
      homeOf: (userId) => homePartition(userId, this.#partitions),
      format: this.#format,
      emit: this.#emit,
    });
  }

  #output(partition: number): ClickOutput<TestRecord> {
    const { written } = this.#task(partition);
    return {
      write: ({ topic, key, value, headers = {} }) => {
        const log = written.get(topic);
        if (!log) throw new Error(`written to ${topic}`);
        const list = Object.entries(headers).flatMap(([name, values]) =>
          [values].flat().map((bytes): [string, Buffer] => [name, Buffer.from(bytes)]),
        );
        log.push(new TestRecord({ key, value, headers: list }));
      },
      forward: (record, home, key) => {
        const { offset, timestampMs } = record;
        this.#task(home).waiting.push({
          record: new TestRecord({ key, value: record.value(), headers: record.headers() }),
          from: { topic: CLICKS, partition, offset, timestampMs },
        });
      },
    };
  }

  #written(topic: string, partition?: number): TestRecord[] {
    return this.#tasks.flatMap(({ written }, index) =>
      partition === undefined || partition === index ? (written.get(topic) ?? []) : [],
    );
  }

  #task(partition: number): Task {
    const task = this.#tasks[partition];
    if (!task) throw new Error(`there is no partition ${partition}`);
    return task;
  }
}
