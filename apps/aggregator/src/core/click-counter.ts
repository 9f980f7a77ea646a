import type { ClickEvent, RunningTotal } from '@clickstream/schema';

/** A user's running total while it is being counted. */
interface Total {
  clicks: number;
  lastClickAt: number;
  lastUrl: string;
}

/** What became of a click: it is in its user's total, or it is in a partition that is not its user's home. */
export type CountVerdict = 'counted' | 'misplaced';

/**
 * Running totals of the users whose home is one partition.
 *
 * `isAtHome` is asked once per user new to the partition; it must be the same function for every process, or
 * a user gets two totals.
 */
export class ClickCounter {
  readonly #isAtHome: (userId: string) => boolean;
  readonly #emitEvery: boolean;
  readonly #totals = new Map<string, Total>();
  /** Users to publish: each once (coalesced), or the totals as they stood after each click (every). */
  readonly #changed = new Set<string>();
  #results: RunningTotal[] = [];

  constructor(isAtHome: (userId: string) => boolean, emit: 'coalesced' | 'every') {
    this.#isAtHome = isAtHome;
    this.#emitEvery = emit === 'every';
  }

  /** Number of users with a total. */
  get users(): number {
    return this.#totals.size;
  }

  /** Takes over a total that was published before; the newest one of a user wins. */
  restore({ userId, clicks, lastClickAt, lastUrl }: RunningTotal): void {
    this.#totals.set(userId, { clicks, lastClickAt, lastUrl });
  }

  /** Forgets a user whose total was deleted (a tombstone). */
  forget(userId: string): void {
    this.#totals.delete(userId);
  }

  /** Counts a click, if this is its user's home. */
  count({ userId, url, timestamp }: ClickEvent): CountVerdict {
    const total = this.#totals.get(userId);
    if (total) {
      total.clicks++;
      // Of clicks at the same time the one that came last is the last one.
      if (timestamp >= total.lastClickAt) {
        total.lastClickAt = timestamp;
        total.lastUrl = url;
      }
    } else {
      if (!this.#isAtHome(userId)) return 'misplaced';
      this.#totals.set(userId, { clicks: 1, lastClickAt: timestamp, lastUrl: url });
    }
    if (this.#emitEvery) this.#results.push(this.#resultOf(userId));
    else this.#changed.add(userId);
    return 'counted';
  }

  /** The totals to publish for what was counted since the last call, in the order of their (first) change. */
  takeResults(): RunningTotal[] {
    const results = this.#emitEvery
      ? this.#results
      : [...this.#changed].map((userId) => this.#resultOf(userId));
    this.#results = [];
    this.#changed.clear();
    return results;
  }

  #resultOf(userId: string): RunningTotal {
    const total = this.#totals.get(userId);
    if (!total) throw new Error(`no total of user ${userId}`);
    return { userId, ...total };
  }
}
