import type { BatchProducer, ModelRecord } from './model-log.ts';
import { ModelLog } from './model-log.ts';
import { ModelTransactions, type CoordinatorSettings, type TransactionOwner } from './model-transactions.ts';

/** The group's offsets as a partition that a transaction writes to: `__consumer_offsets`. */
export const OFFSETS_PLACE = 'group offsets';

export function placeOf(topic: string, partition: number): string {
  return `${topic}/${partition}`;
}

/** All partitions, the transaction coordinator and the group's offsets. */
export class ModelCluster {
  readonly logs = new Map<string, ModelLog>();
  readonly #byTopic = new Map<string, ModelLog[]>();
  /** Logs whose readers may see something else than before; whoever looks at them empties it. */
  readonly changed = new Set<ModelLog>();
  readonly transactions: ModelTransactions;
  /** By place of an input, as committed. */
  readonly groupOffsets = new Map<string, number>();
  /** Offsets in transactions that are not decided, by producer id. */
  readonly #pendingOffsets = new Map<number, Map<string, number>>();
  readonly #waiting = new Map<ModelLog, (() => void)[]>();

  constructor(
    topics: readonly string[],
    partitions: number,
    coordinator: Omit<CoordinatorSettings, 'writeMarker'>,
  ) {
    this.transactions = new ModelTransactions({
      ...coordinator,
      writeMarker: (place, producerId, epoch, marker) => {
        if (place === OFFSETS_PLACE) this.#endOffsets(producerId, marker);
        else this.logAt(place).mark(producerId, epoch, marker);
      },
    });
    for (const topic of topics) {
      const ofTopic: ModelLog[] = [];
      this.#byTopic.set(topic, ofTopic);
      for (let partition = 0; partition < partitions; partition++) {
        const log = new ModelLog(topic, partition);
        log.onChange = () => {
          this.changed.add(log);
          const waiting = this.#waiting.get(log);
          if (waiting) for (const wake of waiting.splice(0)) wake();
        };
        this.logs.set(placeOf(topic, partition), log);
        ofTopic.push(log);
      }
    }
  }

  log(topic: string, partition: number): ModelLog {
    const log = this.#byTopic.get(topic)?.[partition];
    if (!log) throw new Error(`no partition ${placeOf(topic, partition)}`);
    return log;
  }

  logAt(place: string): ModelLog {
    const log = this.logs.get(place);
    if (!log) throw new Error(`no partition ${place}`);
    return log;
  }

  /** Calls back once when the log has changed next. */
  whenChanged(log: ModelLog, wake: () => void): void {
    const waiting = this.#waiting.get(log);
    if (waiting) waiting.push(wake);
    else this.#waiting.set(log, [wake]);
  }

  /**
   * A write inside a transaction, which the coordinator is asked about where the partition has none of it yet.
   *
   * Shown by test/model-transactions.test.ts "refuses a write to a partition that is not in the transaction".
   */
  produce(
    place: string,
    records: readonly ModelRecord[],
    timestampMs: number,
    producer: BatchProducer & TransactionOwner,
  ): { baseOffset: number; isRepetition: boolean } {
    const log = this.logAt(place);
    if (!log.isOpen(producer.producerId)) this.transactions.assertOngoing(producer, place);
    return log.appendTransactional(records, timestampMs, producer);
  }

  /**
   * Offsets inside a transaction: seen by nobody until its commit marker is there, and gone with an abort. Those of a
   * fenced owner are refused, by which an owner learns whether it still is one.
   *
   * Shown by test/model-transactions.test.ts "shows the group's offsets once the transaction is committed, and not before",
   * "refuses the group's offsets of a fenced owner" and "refuses offsets of a transaction that they were not added to".
   */
  commitOffsets(owner: TransactionOwner, offsets: ReadonlyMap<string, number>): void {
    this.transactions.assertOngoing(owner, OFFSETS_PLACE);
    const pending = this.#pendingOffsets.get(owner.producerId) ?? new Map<string, number>();
    for (const [place, offset] of offsets) pending.set(place, offset);
    this.#pendingOffsets.set(owner.producerId, pending);
  }

  /**
   * The marker at the group's offsets: with a commit they are seen from now on, with an abort they are gone.
   *
   * Shown by test/model-transactions.test.ts "shows the group's offsets once the transaction is committed, and not before".
   */
  #endOffsets(producerId: number, marker: 'commit' | 'abort'): void {
    if (marker === 'commit')
      for (const [place, offset] of this.#pendingOffsets.get(producerId) ?? [])
        this.groupOffsets.set(place, offset);
    this.#pendingOffsets.delete(producerId);
  }
}
