/** An open result and where its newest record stands. */
export interface Written<T> {
  /** Offset of the newest record; -1 before the first. */
  writtenAt: number;
  /** Neighbours in the order of their newest records. */
  writtenBefore: T | undefined;
  writtenAfter: T | undefined;
}

/**
 * The open results of one topic in the order of their newest records, so that the lowest offset that a restore needs is
 * at hand without a look at all of them.
 */
export class WriteOrder<T extends Written<T>> {
  #first: T | undefined;
  #last: T | undefined;
  #end = 0n;

  /** The lowest offset that a restore has to read: of the newest record of any open result. */
  get from(): bigint {
    return this.#first ? BigInt(this.#first.writtenAt) : this.#end;
  }

  /** Offset after the last record known. */
  get end(): bigint {
    return this.#end;
  }

  /** The topic is known to reach until that offset; told at a restart too, when there may be no record to see. */
  reach(end: bigint): void {
    if (end > this.#end) this.#end = end;
  }

  /** The newest record of a result stands at `offset`, which is above those of all others. */
  written(result: T, offset: bigint): void {
    this.remove(result);
    result.writtenAt = Number(offset);
    result.writtenBefore = this.#last;
    if (this.#last) this.#last.writtenAfter = result;
    else this.#first = result;
    this.#last = result;
    this.reach(offset + 1n);
  }

  /** A result is not open any more. */
  remove(result: T): void {
    if (result.writtenAt < 0) return;
    const { writtenBefore: before, writtenAfter: after } = result;
    if (before) before.writtenAfter = after;
    else this.#first = after;
    if (after) after.writtenBefore = before;
    else this.#last = before;
    result.writtenAt = -1;
    result.writtenBefore = result.writtenAfter = undefined;
  }
}
