import { ModelError } from './model-error.ts';

/** A transactional id as its coordinator has it. */
export interface ModelTransaction {
  readonly id: string;
  producerId: number;
  epoch: number;
  state: 'complete' | 'ongoing' | 'prepare-commit' | 'prepare-abort';
  /** How the last one ended. */
  ended: 'commit' | 'abort' | undefined;
  /** Partitions that it has written to or may, and the group's offsets as one more. */
  partitions: Set<string>;
  /** Distinguishes the transactions of one id. */
  count: number;
}

/** Who asks. */
export interface TransactionOwner {
  readonly id: string;
  readonly producerId: number;
  readonly epoch: number;
}

export interface CoordinatorSettings {
  /** A transaction open for longer is aborted, and its owner fenced. */
  readonly timeoutMs: number;
  /** Epochs of one producer id; then a new one is given. 32,767 for a real broker. */
  readonly mostEpochs: number;
  /** Does something after some time. */
  readonly later: (delayMs: number, happen: () => void) => void;
  /** The time that a marker takes to one partition. */
  readonly markerDelayMs: () => number;
  readonly writeMarker: (
    place: string,
    producerId: number,
    epoch: number,
    marker: 'commit' | 'abort',
  ) => void;
  readonly onTimeout: (transaction: ModelTransaction) => void;
}

/** The transaction coordinator, for producers of the protocol before KIP-890's second part, as kafkajs is. */
export class ModelTransactions {
  readonly all = new Map<string, ModelTransaction>();
  /** Those that are decided and have markers under way. */
  readonly ending = new Set<ModelTransaction>();
  /** Set while partitions seem to have no leader: which of a transaction's places get no marker when it ends now. */
  losesMarkers: ((outcome: 'commit' | 'abort') => (place: string) => boolean) | undefined;
  readonly #settings: CoordinatorSettings;
  #nextProducerId = 1;

  constructor(settings: CoordinatorSettings) {
    this.#settings = settings;
  }

  /**
   * Takes a transactional id over. An open transaction is aborted first, with a higher epoch so that its owner can do
   * nothing more; until all markers are written the answer is to ask again. Once the epochs are used up, another producer
   * id is given: see `prepareFenceProducerEpoch` and `isProducerEpochExhausted` in Kafka's TransactionMetadata and its
   * TransactionCoordinatorTest, as showing it here takes 32,766 take-overs.
   *
   * Shown by test/model-transactions.test.ts "refuses what a fenced owner sends" and test/patch/transactions.test.ts
   * "fences an owner with an open transaction at the pace of the configured retry".
   */
  initProducerId(id: string): { producerId: number; epoch: number } {
    const transaction = this.all.get(id);
    if (!transaction) {
      const producerId = this.#nextProducerId++;
      this.all.set(id, {
        id,
        producerId,
        epoch: 0,
        state: 'complete',
        ended: undefined,
        partitions: new Set(),
        count: 0,
      });
      return { producerId, epoch: 0 };
    }
    if (transaction.state === 'ongoing') {
      transaction.epoch++;
      this.#end(transaction, 'abort');
    }
    if (transaction.state !== 'complete') throw new ModelError('CONCURRENT_TRANSACTIONS');
    transaction.ended = undefined;
    if (transaction.epoch + 1 >= this.#settings.mostEpochs) {
      transaction.producerId = this.#nextProducerId++;
      transaction.epoch = 0;
    } else transaction.epoch++;
    return { producerId: transaction.producerId, epoch: transaction.epoch };
  }

  /**
   * Adds partitions to a transaction, which opens it.
   *
   * Shown by test/patch/transactions.test.ts "waits while the markers of the transaction before are still being
   * written".
   */
  addPartitions(owner: TransactionOwner, places: readonly string[]): void {
    const transaction = this.#ofOwner(owner);
    if (transaction.state === 'complete') {
      transaction.state = 'ongoing';
      transaction.partitions = new Set();
      const count = ++transaction.count;
      this.#settings.later(this.#settings.timeoutMs, () => {
        this.#timeOut(transaction, count);
      });
    } else if (transaction.state !== 'ongoing') throw new ModelError('CONCURRENT_TRANSACTIONS');
    for (const place of places) transaction.partitions.add(place);
  }

  /**
   * Decides a transaction; the markers follow, each at its own time. Repeated with the same outcome it is answered as
   * the first time.
   *
   * Shown by test/model-transactions.test.ts "answers a repeated end of a transaction as the first one, and the
   * other end not", "ends the next transaction of the same epoch with a commit that comes late" and "refuses what a fenced
   * owner sends".
   */
  endTransaction(owner: TransactionOwner, outcome: 'commit' | 'abort'): void {
    const transaction = this.#ofOwner(owner);
    if (transaction.state === 'ongoing') this.#end(transaction, outcome, outcome === 'abort');
    else if (transaction.state === `prepare-${outcome}`) throw new ModelError('CONCURRENT_TRANSACTIONS');
    else if (transaction.state !== 'complete' || transaction.ended !== outcome)
      throw new ModelError('INVALID_TXN_STATE');
  }

  /**
   * What a partition's leader asks before it takes the first write of a transaction (KIP-890, part 1).
   *
   * Shown by test/model-transactions.test.ts "refuses a write to a partition that is not in the transaction".
   */
  assertOngoing(owner: TransactionOwner, place: string): void {
    const transaction = this.#ofOwner(owner);
    if (transaction.state !== 'ongoing' || !transaction.partitions.has(place))
      throw new ModelError('INVALID_TXN_STATE', `${place} is not in the transaction`);
  }

  /**
   * That a transactional id is not this producer's is said before anything of its epoch, and that before anything of its
   * transaction. A greater epoch than the newest is refused like a smaller one.
   *
   * Shown by test/model-transactions.test.ts "refuses another producer id first, then another epoch, then the transaction's
   * state".
   */
  #ofOwner({ id, producerId, epoch }: TransactionOwner): ModelTransaction {
    const transaction = this.all.get(id);
    if (transaction?.producerId !== producerId) throw new ModelError('INVALID_PRODUCER_ID_MAPPING');
    if (transaction.epoch !== epoch) throw new ModelError('INVALID_PRODUCER_EPOCH');
    return transaction;
  }

  /** Shown by test/model-transactions.test.ts "aborts a transaction that is open for too long, and fences its owner". */
  #timeOut(transaction: ModelTransaction, count: number): void {
    if (transaction.state !== 'ongoing' || transaction.count !== count) return;
    this.#settings.onTimeout(transaction);
    transaction.epoch++;
    this.#end(transaction, 'abort');
  }

  /**
   * Markers are written after the answer and reach the partitions one after another, those that were never written to
   * included, so that readers of one partition see the outcome before others.
   *
   * Shown by test/patch/transactions.test.ts "waits while the markers of the transaction before are still being written"
   * and "marks partitions that it was only told of, and decides nothing of others".
   *
   * Where a partition has no leader at that moment, its marker is left out: the transaction is complete and its records
   * there are undecided, until the next marker of the same producer. `pnpm test:faults --only broker-silent` has come to it,
   * see docs/decisions/0008-left-overs-are-aborted.md.
   */
  #end(transaction: ModelTransaction, outcome: 'commit' | 'abort', keepsMarkers = false): void {
    const { later, markerDelayMs, writeMarker } = this.#settings;
    transaction.state = `prepare-${outcome}`;
    let missing = transaction.partitions.size;
    this.ending.add(transaction);
    // The engine asks for an abort only to end what was left over, and does not get over one that leaves something again.
    const isLost = keepsMarkers ? undefined : this.losesMarkers?.(outcome);
    const complete = () => {
      this.ending.delete(transaction);
      transaction.state = 'complete';
      transaction.ended = outcome;
    };
    if (missing === 0) complete();
    for (const place of transaction.partitions)
      later(markerDelayMs(), () => {
        if (!isLost?.(place)) writeMarker(place, transaction.producerId, transaction.epoch, outcome);
        if (--missing === 0) complete();
      });
  }
}
