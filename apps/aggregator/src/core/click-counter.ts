import type { ClickEvent, RunningTotal } from '@clickstream/schema';

/** A user's running total while it is being counted. */
interface Total {
  clicks: number;
  lastClickAt: number;
  lastUrl: string;
}

/** Running totals of the users whose home is one partition. */
export class ClickCounter {
  readonly #totals = new Map<string, Total>();
  #clicks = 0;

  /** Number of users with a total. */
  get users(): number {
    return this.#totals.size;
  }

  /** Σ totals. */
  get clicks(): number {
    return this.#clicks;
  }

  has(userId: string): boolean {
    return this.#totals.has(userId);
  }

  /** Takes over a total that was published before; the newest one of a user wins. */
  restore({ userId, clicks, lastClickAt, lastUrl }: RunningTotal): void {
    this.forget(userId);
    this.#totals.set(userId, { clicks, lastClickAt, lastUrl });
    this.#clicks += clicks;
  }

  /** Forgets a user whose total was deleted (a tombstone). */
  forget(userId: string): void {
    this.#clicks -= this.#totals.get(userId)?.clicks ?? 0;
    this.#totals.delete(userId);
  }

  /** Adds a click to its user's total. */
  count({ userId, url, timestamp }: ClickEvent): void {
    this.#clicks++;
    const total = this.#totals.get(userId);
    if (!total) {
      this.#totals.set(userId, { clicks: 1, lastClickAt: timestamp, lastUrl: url });
      return;
    }
    total.clicks++;
    // Of clicks at the same time the one that came last is the last one.
    if (timestamp >= total.lastClickAt) {
      total.lastClickAt = timestamp;
      total.lastUrl = url;
    }
  }

  /** @throws Error for a user without a total. */
  totalOf(userId: string): RunningTotal {
    const total = this.#totals.get(userId);
    if (!total) throw new Error(`no total of user ${userId}`);
    return { userId, ...total };
  }
}
