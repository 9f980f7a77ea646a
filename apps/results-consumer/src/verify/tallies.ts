import { placementOf } from './placement.ts';
import { UserSessions } from './user-sessions.ts';

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
  /** Clicks of which the log does not tell whether they were counted, as they are or in others' place. */
  uncertain: number;
  /** Different for each user. */
  readonly number: number;
  readonly sessions: UserSessions;
}

/** All users that there are totals, sessions or clicks of. */
export class Tallies {
  readonly #tallies = new Map<string, Tally>();
  readonly #partitions: number;

  constructor(partitions: number) {
    this.#partitions = partitions;
  }

  of(userId: string): Tally {
    let tally = this.#tallies.get(userId);
    if (!tally) {
      tally = {
        home: placementOf(userId, this.#partitions),
        published: 0,
        newest: 0,
        recounted: 0,
        uncertain: 0,
        number: this.#tallies.size,
        sessions: new UserSessions(),
      };
      this.#tallies.set(userId, tally);
    }
    return tally;
  }

  [Symbol.iterator](): Iterator<[userId: string, tally: Tally]> {
    return this.#tallies.entries();
  }
}
