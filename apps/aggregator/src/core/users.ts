import type { Session } from './sessions.ts';

/** A user whose home is this partition, while the process runs. */
export interface User {
  readonly id: string;
  /** From 0 on in the order of admission; differs from process to process. */
  readonly number: number;
  /** Clicks in the running total; 0 for a user without one. */
  clicks: number;
  lastClickAt: number;
  lastUrl: string;
  /** Whether the total is to be published by the next flush. */
  isChanged: boolean;
  /** The newest of the user's open sessions. */
  session: Session | undefined;
}

/** The users of one partition. One look-up per click serves totals, windows, sessions and de-duplication. */
export class Users {
  readonly #users = new Map<string, User>();

  find(id: string): User | undefined {
    return this.#users.get(id);
  }

  /** The user of that id, made known if it was not. */
  admit(id: string): User {
    const known = this.#users.get(id);
    if (known) return known;
    const user = {
      id,
      number: this.#users.size,
      clicks: 0,
      lastClickAt: 0,
      lastUrl: '',
      isChanged: false,
      session: undefined,
    };
    this.#users.set(id, user);
    return user;
  }
}
