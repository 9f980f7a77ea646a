import type { MalformedReason } from '@clickstream/schema';

/** Counts what was passed over, by reason. */
export class ReasonTally {
  readonly #counts = new Map<MalformedReason, number>();

  /** @returns whether it was the first for that reason. */
  add(reason: MalformedReason): boolean {
    const count = (this.#counts.get(reason) ?? 0) + 1;
    this.#counts.set(reason, count);
    return count === 1;
  }

  /** All together. */
  get count(): number {
    return [...this.#counts.values()].reduce((sum, count) => sum + count, 0);
  }

  /** Such as `3 records: 2 bad-field, 1 not-json`. */
  summary(): string {
    const reasons = [...this.#counts].map(([reason, count]) => `${count} ${reason}`);
    return `${this.count} ${this.count === 1 ? 'record' : 'records'}: ${reasons.join(', ')}`;
  }
}
