import { placementOf } from './placement.ts';

/** What is known of a user. */
export interface Tally {
  /** The partition where all clicks of the user are counted. */
  readonly home: number;
  /** The total that was published last below the cut; 0 if there is none. */
  published: number;
  /** The total that was published last, be it above the cut. */
  newest: number;
  /** Clicks counted anew. */
  recounted: number;
}

/** All users that there are totals or clicks of. The one thing in memory that grows. */
export class Tallies {
  readonly #tallies = new Map<string, Tally>();
  readonly #partitions: number;

  constructor(partitions: number) {
    this.#partitions = partitions;
  }

  of(userId: string): Tally {
    let tally = this.#tallies.get(userId);
    if (!tally) {
      tally = { home: placementOf(userId, this.#partitions), published: 0, newest: 0, recounted: 0 };
      this.#tallies.set(userId, tally);
    }
    return tally;
  }

  [Symbol.iterator](): Iterator<[userId: string, tally: Tally]> {
    return this.#tallies.entries();
  }
}
