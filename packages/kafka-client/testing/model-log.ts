import type { PartitionResponse } from '../src/fetched-batch.ts';
import { encodeStoredBatch } from './encode-stored-batch.ts';
import { ModelError } from './model-error.ts';

export interface ModelRecord {
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: readonly (readonly [name: string, value: Buffer])[];
}

/** A record where it stands. */
export interface PlacedModelRecord extends ModelRecord {
  readonly offset: number;
  readonly timestampMs: number;
}

/** A record batch of the log, or a marker. */
export interface StoredBatch {
  readonly baseOffset: number;
  readonly lastOffset: number;
  /** -1 for a producer that is not transactional. */
  readonly producerId: number;
  readonly records: readonly PlacedModelRecord[];
  readonly marker?: 'commit' | 'abort';
  /** Known once the marker is there. */
  isAborted: boolean;
  bytes?: Buffer;
}

/** Who sends a batch. */
export interface BatchProducer {
  readonly producerId: number;
  readonly epoch: number;
  readonly sequence: number;
}

interface ProducerState {
  epoch: number;
  nextSequence: number;
  /** The batches that a repetition is recognised by. */
  recent: { sequence: number; count: number; baseOffset: number }[];
}

/** Batches by which a leader recognises a repetition: `ProducerStateEntry.NUM_BATCHES_TO_RETAIN`. */
const BATCHES_TO_RETAIN = 5;

/** One partition as its leader has it. */
export class ModelLog {
  readonly topic: string;
  readonly partition: number;
  start = 0;
  end = 0;
  batches: StoredBatch[] = [];
  /** Called when readers may see more, or less. */
  onChange: () => void = () => undefined;
  /** First offset of each open transaction, by producer id. */
  readonly #open = new Map<number, number>();
  readonly #aborted: { producerId: number; firstOffset: number; lastOffset: number }[] = [];
  readonly #producers = new Map<number, ProducerState>();

  constructor(topic: string, partition: number) {
    this.topic = topic;
    this.partition = partition;
  }

  /**
   * What read_committed readers see ends where the first open transaction begins.
   *
   * Shown by test/partition-reader.test.ts "tells its first and its last readable offsets, and those of a time".
   */
  get stable(): number {
    // Transactions are in the order in which they were opened.
    for (const first of this.#open.values()) return first;
    return this.end;
  }

  isOpen(producerId: number): boolean {
    return this.#open.has(producerId);
  }

  get hasOpen(): boolean {
    return this.#open.size > 0;
  }

  /** The newest record that readers see. */
  get newest(): PlacedModelRecord | undefined {
    const { stable } = this;
    return this.batches
      .findLast(
        ({ lastOffset, isAborted, records }) => lastOffset < stable && !isAborted && records.length > 0,
      )
      ?.records.at(-1);
  }

  /** A write of a producer without transactions. */
  append(records: readonly ModelRecord[], timestampMs: number): number {
    return this.#store(records, timestampMs, -1);
  }

  /**
   * A write inside a transaction. One of an older epoch is refused; one with the first and the last sequence number of a
   * batch that is remembered is acknowledged with where that batch stands, whatever it holds; one that leaves out a
   * sequence number is refused. A producer that is not known may begin anywhere, a new epoch with 0 only.
   *
   * Shown by test/model-transactions.test.ts "refuses what a fenced owner sends", "takes a batch whose sequence number it
   * knows for a repetition", "knows a batch by its first and its last sequence number", "knows the last five batches of a
   * producer, and refuses an older one", "takes any first sequence number of a producer that it does not know" and "wants a
   * new epoch of a producer to begin with sequence number 0".
   */
  appendTransactional(
    records: readonly ModelRecord[],
    timestampMs: number,
    { producerId, epoch, sequence }: BatchProducer,
  ): { baseOffset: number; isRepetition: boolean } {
    let state = this.#producers.get(producerId);
    if (state && epoch < state.epoch) throw new ModelError('INVALID_PRODUCER_EPOCH');
    if (!state || epoch > state.epoch) {
      if (state && sequence !== 0) throw new ModelError('OUT_OF_ORDER_SEQUENCE_NUMBER');
      state = { epoch, nextSequence: sequence, recent: [] };
      this.#producers.set(producerId, state);
    }
    const known = state.recent.find((batch) => batch.sequence === sequence && batch.count === records.length);
    if (known) return { baseOffset: known.baseOffset, isRepetition: true };
    if (sequence !== state.nextSequence) throw new ModelError('OUT_OF_ORDER_SEQUENCE_NUMBER');
    if (!this.#open.has(producerId)) this.#open.set(producerId, this.end);
    const baseOffset = this.#store(records, timestampMs, producerId);
    state.nextSequence += records.length;
    state.recent = [
      ...state.recent.slice(1 - BATCHES_TO_RETAIN),
      { sequence, count: records.length, baseOffset },
    ];
    return { baseOffset, isRepetition: false };
  }

  /**
   * Ends a transaction here. The marker takes an offset also where nothing was written, and a producer may be known by
   * nothing else.
   *
   * Shown by test/model-transactions.test.ts "leaves a marker where nothing was written, and fences older epochs by it".
   *
   * @param epoch that of the marker, which fences older ones from now on.
   */
  mark(producerId: number, epoch: number, marker: 'commit' | 'abort'): void {
    const state = this.#producers.get(producerId);
    if (!state) this.#producers.set(producerId, { epoch, nextSequence: 0, recent: [] });
    else if (epoch > state.epoch) Object.assign(state, { epoch, nextSequence: 0, recent: [] });
    const first = this.#open.get(producerId);
    const offset = this.end++;
    if (first !== undefined && marker === 'abort') {
      this.#aborted.push({ producerId, firstOffset: first, lastOffset: offset });
      for (let index = this.batches.length - 1; index >= 0; index--) {
        const batch = this.batches[index];
        if (!batch || batch.baseOffset < first) break;
        if (batch.producerId === producerId) batch.isAborted = true;
      }
    }
    this.#open.delete(producerId);
    const place = { baseOffset: offset, lastOffset: offset, producerId, records: [], isAborted: false };
    this.batches.push({ ...place, marker });
    this.onChange();
  }

  /**
   * Removes what is below an offset, as retention and DeleteRecords do.
   *
   * Shown by test/partition-reader.test.ts "whose beginning was deleted is refused instead of moved".
   */
  deleteBelow(offset: number): void {
    if (offset > this.end) throw new ModelError('OFFSET_OUT_OF_RANGE');
    if (offset <= this.start) return;
    this.start = offset;
    this.batches = this.batches.filter(({ lastOffset }) => lastOffset >= offset);
    this.onChange();
  }

  /**
   * Keeps the newest record of each key below an offset, and no aborted one; emptied batches go, or stay without
   * records, as the log cleaner leaves the last one of a producer.
   *
   * Shown by test/partition-reader-faults.test.ts "is read to its end, whatever compaction has left of it".
   *
   * @param keepsEmptied says of each emptied batch whether it stays.
   */
  compact(below: number, keepsEmptied: () => boolean): void {
    const limit = Math.min(below, this.stable);
    const newest = new Map<string, number>();
    for (const batch of this.batches)
      if (batch.lastOffset < limit && !batch.isAborted)
        for (const { key, offset } of batch.records) newest.set(String(key), offset);
    this.batches = this.batches.flatMap((batch) => {
      if (batch.lastOffset >= limit || batch.marker) return [batch];
      const records = batch.isAborted
        ? []
        : batch.records.filter(({ key, offset }) => newest.get(String(key)) === offset);
      if (records.length === batch.records.length) return [batch];
      if (records.length === 0 && !keepsEmptied()) return [];
      const { baseOffset, lastOffset, producerId, isAborted } = batch;
      return [{ baseOffset, lastOffset, producerId, isAborted, records }];
    });
  }

  /**
   * What a read_committed fetch is answered with: whole batches below the last stable offset, and the aborted
   * transactions among them, which the reader has to leave out itself.
   *
   * Shown by test/patch/aborted-records.test.ts "shows what the Java consumer shows".
   */
  fetch(from: number, mostBatches: number): Omit<PartitionResponse, 'arrivedAt'> {
    const { topic, partition, start, end, stable } = this;
    if (from < start || from > end) throw new ModelError('OFFSET_OUT_OF_RANGE');
    const found: Buffer[] = [];
    let upTo = from;
    // Readers stand near the end as a rule.
    let index = this.batches.length;
    while (index > 0 && (this.batches[index - 1]?.lastOffset ?? -1) >= from) index--;
    for (; index < this.batches.length && found.length < mostBatches; index++) {
      const batch = this.batches[index];
      if (!batch || batch.lastOffset >= stable) break;
      found.push((batch.bytes ??= encodeStoredBatch(batch)));
      upTo = batch.lastOffset + 1;
    }
    return {
      topic,
      partition,
      errorCode: 0,
      highWatermark: BigInt(end),
      lastStableOffset: BigInt(stable),
      logStartOffset: BigInt(start),
      abortedTransactions: this.#aborted
        .filter(({ firstOffset, lastOffset }) => lastOffset >= from && firstOffset < upTo)
        .map(({ producerId, firstOffset }) => ({
          producerId: BigInt(producerId),
          firstOffset: BigInt(firstOffset),
        })),
      records: found.length === 1 && found[0] ? found[0] : Buffer.concat(found),
    };
  }

  #store(records: readonly ModelRecord[], timestampMs: number, producerId: number): number {
    const baseOffset = this.end;
    this.end += records.length;
    this.batches.push({
      baseOffset,
      lastOffset: this.end - 1,
      producerId,
      records: records.map((record, index) => ({ ...record, offset: baseOffset + index, timestampMs })),
      isAborted: false,
    });
    this.onChange();
    return baseOffset;
  }
}
