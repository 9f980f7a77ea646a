/** Most bytes written in one transaction; dead letters can be 832 KiB each. */
const MAX_BYTES = 8 * 1024 * 1024;
/** A transaction that takes longer was too large for this machine now: after 30 s the broker aborts it. */
const SLOW_MS = 5_000;
/** A full one that takes less has room for more. */
const QUICK_MS = SLOW_MS / 2;
const GROWTH = 1.25;
const LEAST_SHARE = 1 / 64;

/**
 * How much one transaction of a task holds, give or take what one record leads to: so many records and bytes, and less of both
 * where transactions take long, since no machine is too busy for a small one. One is larger: that which says of all open pages at once
 * that their users are no longer exact, after a rebuild from an input that is not whole.
 */
export class TransactionBounds {
  readonly #maxRecords: number;
  /** The part of the bounds that is in force. */
  #share = 1;

  constructor(maxRecords: number) {
    this.#maxRecords = maxRecords;
  }

  areReached(records: number, bytes: number): boolean {
    return this.fillOf(records, bytes) >= 1;
  }

  /** How full a transaction of so many records and bytes is: 1 is as much as one should hold. */
  fillOf(records: number, bytes: number): number {
    const ofRecords = records / Math.max(1, this.#maxRecords * this.#share);
    return Math.max(ofRecords, bytes / (MAX_BYTES * this.#share));
  }

  /**
   * Takes note of how long a transaction took, whether it was committed or failed. One that was not even half full says nothing: as
   * a small one it is quick on any machine, and would not have been quicker for being smaller.
   *
   * @param fill of {@link fillOf}.
   */
  learn(tookMs: number, fill: number): void {
    if (fill < 1 / 2) return;
    if (tookMs > SLOW_MS) this.#share = Math.max(LEAST_SHARE, (this.#share * SLOW_MS) / tookMs);
    else if (tookMs / fill < QUICK_MS) this.#share = Math.min(1, this.#share * GROWTH);
  }
}
