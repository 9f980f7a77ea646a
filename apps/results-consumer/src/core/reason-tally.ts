/** Counts records by reason. */
export class ReasonTally<Reason extends string> {
  readonly #noun: string;
  readonly #counts = new Map<Reason, number>();

  /** @param noun what a record is called, in the singular. */
  constructor(noun: string) {
    this.#noun = noun;
  }

  /** @returns whether it was the first for that reason. */
  add(reason: Reason): boolean {
    const count = (this.#counts.get(reason) ?? 0) + 1;
    this.#counts.set(reason, count);
    return count === 1;
  }

  /** All together. */
  get count(): number {
    return [...this.#counts.values()].reduce((sum, count) => sum + count, 0);
  }

  /** Such as `3 records: 2 bad-field, 1 not-json`, the most first, or `0 records`. */
  summary(): string {
    const reasons = [...this.#counts]
      .sort(([aReason, a], [bReason, b]) => b - a || (aReason < bReason ? -1 : 1))
      .map(([reason, count]) => `${count} ${reason}`);
    const all = `${this.count} ${this.#noun}${this.count === 1 ? '' : 's'}`;
    return reasons.length === 0 ? all : `${all}: ${reasons.join(', ')}`;
  }
}
