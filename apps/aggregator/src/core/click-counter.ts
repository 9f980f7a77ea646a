import type { ClickEvent, RunningTotal } from '@clickstream/schema';
import type { User } from './users.ts';

/** Running totals of the users whose home is one partition. */
export class ClickCounter {
  #users = 0;
  #clicks = 0;

  /** Number of users with a total. */
  get users(): number {
    return this.#users;
  }

  /** Σ totals. */
  get clicks(): number {
    return this.#clicks;
  }

  /** Takes over a total that was published before; the newest one of a user wins. */
  restore(user: User, { clicks, lastClickAt, lastUrl }: RunningTotal): void {
    this.forget(user);
    this.#add(user, clicks, lastClickAt, lastUrl);
  }

  /** Forgets the total of a user, which was deleted (a tombstone). */
  forget(user: User): void {
    if (user.clicks > 0) this.#users--;
    this.#clicks -= user.clicks;
    user.clicks = 0;
  }

  /** Adds a click to its user's total. */
  count(user: User, { url, timestamp }: ClickEvent): void {
    // Of clicks at the same time the one that came last is the last one.
    if (user.clicks === 0 || timestamp >= user.lastClickAt) this.#add(user, 1, timestamp, url);
    else this.#add(user, 1, user.lastClickAt, user.lastUrl);
  }

  #add(user: User, clicks: number, lastClickAt: number, lastUrl: string): void {
    if (user.clicks === 0) this.#users++;
    user.clicks += clicks;
    this.#clicks += clicks;
    user.lastClickAt = lastClickAt;
    user.lastUrl = lastUrl;
  }
}
