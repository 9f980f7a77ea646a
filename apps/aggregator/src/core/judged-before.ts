import type { ReadRecord } from './inputs.ts';

/** Stretches of an input that were judged by other limits than the present one; in the order of offsets. */
export type JudgedBeforeState = readonly {
  /** The stretch ends before this offset, as decimal text. */
  readonly untilOffset: string;
  readonly maxFutureMs: number;
}[];

/**
 * By which `maxFutureMs` the records of one input were judged when they were processed. A rebuild has to judge them by the
 * same: what was rejected then and is sent again after the limit was raised is no duplicate, and what was counted stays
 * remembered after it was lowered.
 */
export class JudgedBefore {
  /** The present limit. */
  readonly #maxFutureMs: number;
  #stretches: { readonly untilOffset: bigint; readonly maxFutureMs: number }[] = [];
  /** The limit of the checkpoint, if it is another one: of all records beyond the stretches that are rebuilt. */
  #lastMaxFutureMs: number | undefined;
  /** Offset after the last record that was rebuilt with it. */
  #rebuiltUntil: bigint | undefined;

  constructor(maxFutureMs: number) {
    this.#maxFutureMs = maxFutureMs;
  }

  /**
   * @param state as of the checkpoint.
   * @param maxFutureMs the limit at that time.
   */
  resume(state: JudgedBeforeState, maxFutureMs: number): void {
    this.#stretches = state.map((stretch) => ({ ...stretch, untilOffset: BigInt(stretch.untilOffset) }));
    if (maxFutureMs !== this.#maxFutureMs) this.#lastMaxFutureMs = maxFutureMs;
  }

  /** The limit that a record to be rebuilt was judged by; ask in offset order. */
  limitFor(record: ReadRecord): number {
    if (this.#stretches.length === 0 && this.#lastMaxFutureMs === undefined) return this.#maxFutureMs;
    const { offset } = record;
    const stretch = this.#stretches.find(({ untilOffset }) => offset < untilOffset);
    if (stretch) return stretch.maxFutureMs;
    if (this.#lastMaxFutureMs === undefined) return this.#maxFutureMs;
    this.#rebuiltUntil = offset + 1n;
    return this.#lastMaxFutureMs;
  }

  /**
   * What a rebuild from that offset on has to know; undefined for one that has nothing to read. Offsets never fall, and
   * the rebuild before is over.
   */
  stateFrom(offset: bigint | undefined): JudgedBeforeState {
    if (offset === undefined) this.#stretches = [];
    else {
      if (this.#lastMaxFutureMs !== undefined && this.#rebuiltUntil !== undefined)
        this.#stretches.push({ untilOffset: this.#rebuiltUntil, maxFutureMs: this.#lastMaxFutureMs });
      this.#stretches = this.#stretches.filter(({ untilOffset }) => untilOffset > offset);
    }
    this.#lastMaxFutureMs = this.#rebuiltUntil = undefined;
    return this.#stretches.map((stretch) => ({ ...stretch, untilOffset: String(stretch.untilOffset) }));
  }
}
