/** The ids in the last stretch of one input: of a record with an earlier one there, with the same id, it is a repetition. */
export class SeenIds {
  readonly #horizonMs: number;
  readonly #lastSeenMs = new Map<number, number>();
  #appearances: { readonly id: number; readonly offset: bigint; readonly timestampMs: number }[] = [];

  constructor(horizonMs: number) {
    this.#horizonMs = horizonMs;
  }

  /** In offset order. @returns whether the id was seen within the horizon. */
  appear(id: number, offset: bigint, timestampMs: number): boolean {
    const floorMs = timestampMs - this.#horizonMs;
    const wasSeen = (this.#lastSeenMs.get(id) ?? -Infinity) >= floorMs;
    this.#lastSeenMs.set(id, timestampMs);
    this.#appearances.push({ id, offset, timestampMs });
    const kept = this.#appearances.findIndex((one) => one.timestampMs >= floorMs);
    for (const gone of this.#appearances.splice(0, kept))
      if ((this.#lastSeenMs.get(gone.id) ?? Infinity) < floorMs) this.#lastSeenMs.delete(gone.id);
    return wasSeen;
  }

  /** The lowest offset with an id that is remembered. */
  get rebuildFrom(): bigint | undefined {
    return this.#appearances[0]?.offset;
  }
}
