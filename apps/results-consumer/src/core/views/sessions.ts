import { decodeUserSession, decodeUserSessionKey, userSessionKey } from '@clickstream/schema';
import { readPlainSession } from './read-plain-session.ts';
import { ownText, shownText } from './shown-text.ts';
import type { ViewRecord } from './view-record.ts';

/** A visit as it is shown; urls are cut to 256 characters, times are event times in ms since the epoch. */
export interface SessionView {
  readonly sessionId: string;
  readonly userId: string;
  readonly start: number;
  /** Its last click. */
  readonly end: number;
  readonly clicks: number;
  readonly entryUrl: string;
  readonly exitUrl: string;
  /** A single click. */
  readonly bounce: boolean;
  /** Whether it is over; otherwise it may still grow. */
  readonly final: boolean;
}

/** The most sessions that are answered at once. */
export const SESSIONS_MAX = 100;

const KEPT = 50_000;
/** So many more before the oldest go together: what a Map has deleted at its front is passed over at each look. */
const SLACK = 5_000;

/** A session that is kept. As an object with its texts it would take three times as much, and few are ever looked at. */
interface KeptSession {
  readonly userId: string;
  /** A {@link SessionView} as JSON. */
  readonly json: string;
  readonly isOpen: boolean;
}

/** The sessions that changed last, open and over, by user: 50,000, and up to 5,000 more. */
export class Sessions {
  /** By key, those that changed last at the end. */
  readonly #byKey = new Map<string, KeptSession>();
  /** By user: of most users there is one. */
  readonly #keysOfUser = new Map<string, string | Set<string>>();
  #open = 0;
  #isComplete = true;

  /** Whether no session had to go, and none was left out. */
  get isComplete(): boolean {
    return this.#isComplete;
  }

  /** Says that there are sessions which are not given here. */
  setIncomplete(): void {
    this.#isComplete = false;
  }

  /** How many of those kept are open. */
  get open(): number {
    return this.#open;
  }

  /** Takes over a record of the topic of the sessions. @returns whether it could be read */
  apply(record: ViewRecord): boolean {
    const plain = readPlainSession(record);
    if (plain) {
      this.#put(userSessionKey(plain), plain);
      return true;
    }
    const key = record.key();
    const value = record.value();
    if (value === null) {
      const tombstone = decodeUserSessionKey(key);
      if (tombstone.status === 'malformed') return false;
      this.#remove(userSessionKey(tombstone.value));
      return true;
    }
    const decoded = decodeUserSession(key, value);
    if (decoded.status === 'malformed') return false;
    const session = decoded.value;
    this.#put(userSessionKey(session), {
      sessionId: session.sessionId,
      userId: session.userId,
      start: session.start,
      end: session.end,
      clicks: session.clicks,
      entryUrl: shownText(session.entryUrl),
      exitUrl: shownText(session.exitUrl),
      bounce: session.bounce,
      final: session.final,
    });
    return true;
  }

  /** The newest sessions of a user by their start, at most {@link SESSIONS_MAX}. */
  ofUser(userId: string): SessionView[] {
    const keys = this.#keysOfUser.get(userId) ?? [];
    return (typeof keys === 'string' ? [keys] : [...keys])
      .map((key) => ({ key, start: Number(key.slice(0, key.indexOf('/'))) }))
      .sort((first, second) => second.start - first.start)
      .slice(0, SESSIONS_MAX)
      .flatMap(({ key }) => {
        const kept = this.#byKey.get(key);
        return kept ? [JSON.parse(kept.json) as SessionView] : [];
      });
  }

  #put(key: string, session: SessionView): void {
    this.#remove(key);
    const ownKey = ownText(key);
    const kept = { userId: ownText(session.userId), json: JSON.stringify(session), isOpen: !session.final };
    this.#byKey.set(ownKey, kept);
    const keys = this.#keysOfUser.get(kept.userId);
    if (keys === undefined) this.#keysOfUser.set(kept.userId, ownKey);
    else if (typeof keys === 'string') this.#keysOfUser.set(kept.userId, new Set([keys, ownKey]));
    else keys.add(ownKey);
    this.#open += Number(kept.isOpen);
    if (this.#byKey.size < KEPT + SLACK) return;
    this.#isComplete = false;
    for (const oldest of this.#byKey.keys()) {
      if (this.#byKey.size <= KEPT) return;
      this.#remove(oldest);
    }
  }

  #remove(key: string): void {
    const kept = this.#byKey.get(key);
    if (!kept) return;
    this.#byKey.delete(key);
    this.#open -= Number(kept.isOpen);
    const keys = this.#keysOfUser.get(kept.userId);
    if (typeof keys === 'object') keys.delete(key);
    if (typeof keys !== 'object' || keys.size === 0) this.#keysOfUser.delete(kept.userId);
  }
}
