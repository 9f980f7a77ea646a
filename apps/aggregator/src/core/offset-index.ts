/** A stretch of an input: where it begins, and the greatest ingest time in it. */
interface Stretch {
  readonly from: bigint;
  readonly firstTime: number;
  greatestTime: number;
}

const MOST_STRETCHES = 256;
const STRETCHES_OF_HORIZON = 64;

/** From where on one input holds records of an ingest time, coarsely: at most {@link MOST_STRETCHES} stretches of it. */
export class OffsetIndex {
  readonly #stretchMs: number;
  #stretches: Stretch[] = [];

  constructor(horizonMs: number) {
    this.#stretchMs = horizonMs / STRETCHES_OF_HORIZON;
  }

  /** Takes note of a record that may have to be found again; in offset order. */
  add(record: { readonly offset: bigint }, ingestTime: number): void {
    const last = this.#stretches.at(-1);
    if (last && ingestTime < last.firstTime + this.#stretchMs) {
      if (ingestTime > last.greatestTime) last.greatestTime = ingestTime;
      return;
    }
    this.#stretches.push({ from: record.offset, firstTime: ingestTime, greatestTime: ingestTime });
    if (this.#stretches.length > MOST_STRETCHES) this.#thin();
  }

  /** An offset at or below that of every record of `ingestTime` or later; undefined if there is none. */
  from(ingestTime: number): bigint | undefined {
    const first = this.#stretches.findIndex(({ greatestTime }) => greatestTime >= ingestTime);
    // Asked for ever later times: what is before is of no use any more.
    this.#stretches.splice(0, first < 0 ? this.#stretches.length : first);
    return this.#stretches[0]?.from;
  }

  #thin(): void {
    this.#stretches = this.#stretches.flatMap((stretch, index, all) => {
      if (index % 2 === 1) return [];
      const greatestTime = Math.max(stretch.greatestTime, all[index + 1]?.greatestTime ?? -Infinity);
      return [{ ...stretch, greatestTime }];
    });
  }
}
