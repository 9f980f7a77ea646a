/** Most bytes written in one transaction; dead letters can be 800 KB each. */
const MAX_BYTES = 8 * 1024 * 1024;
/** A transaction that takes longer was too large for this machine now: after 30 s the broker aborts it. */
const SLOW_MS = 5_000;
const QUICK_MS = 1_000;
const LEAST_SHARE = 1 / 64;

/**
 * How much one transaction of a task holds, give or take what one record leads to: so many records and bytes, and less of both
 * where transactions take long, since no machine is too busy for a small one.
 */
export class TransactionBounds {
  readonly #maxRecords: number;
  /** The part of the bounds that is in force. */
  #share = 1;

  constructor(maxRecords: number) {
    this.#maxRecords = maxRecords;
  }

  areReached(records: number, bytes: number): boolean {
    return records >= Math.max(1, this.#maxRecords * this.#share) || bytes >= MAX_BYTES * this.#share;
  }

  /** Takes note of how long a transaction took, whether it was committed or failed. */
  learn(tookMs: number): void {
    if (tookMs > SLOW_MS) this.#share = Math.max(LEAST_SHARE, (this.#share * SLOW_MS) / tookMs);
    else if (tookMs < QUICK_MS) this.#share = Math.min(1, this.#share * 2);
  }
}
