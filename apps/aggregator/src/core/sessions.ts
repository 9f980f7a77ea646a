import type { UserSession, UserSessionKey } from '@clickstream/schema';
import { DeadlineHeap } from './deadline-heap.ts';
import type { User, Users } from './users.ts';
import { WriteOrder, type Written } from './write-order.ts';

/** A session that is open. */
export interface Session extends Written<Session> {
  readonly user: User;
  start: number;
  end: number;
  clicks: number;
  entryUrl: string;
  exitUrl: string;
  /** The user's next older open session. */
  older: Session | undefined;
  /** Start under which its newest record stands; undefined before the first. */
  writtenStart: number | undefined;
  /** Whether it is to be written by the next flush. */
  isChanged: boolean;
  /** Closed sessions are final; absorbed ones are part of an older one. */
  state: 'open' | 'closed' | 'absorbed';
}

/** What a flush writes; both return the offset at which the record will stand. */
export interface SessionOutput {
  write(session: Omit<UserSession, 'sessionId' | 'bounce'>): bigint;
  writeTombstone(key: UserSessionKey): bigint;
}

/** What a result takes at most beside its user and urls, in key and value together. */
const RESULT_BYTES = 250;

/**
 * The visits of each user: clicks less than the gap apart are one session, in whatever order they come. A session
 * reaches until `end + gapMs`, that instant not included, so that it is closed when `closeTime` gets there and a click of
 * that instant begins the next one. Of clicks at the same time the entry is the one with the least url and the exit the one with
 * the greatest, so that the order of arrival does not matter.
 */
export class Sessions {
  readonly #gapMs: number;
  readonly #users: Users;
  readonly #order = new WriteOrder<Session>();
  /**
   * All open sessions by an end that was true once. It only ever grows, so it is looked at again when it comes up: a click
   * costs nothing here, a session one step per gap.
   */
  readonly #ends = new DeadlineHeap<Session>();
  #changed: Session[] = [];
  #changedBytes = 0;
  /** Keys that have a record and no session any more. */
  #tombstones: UserSessionKey[] = [];
  #open = 0;
  #clicks = 0;
  /** As it was before a restart, since the gap may have been another. */
  #finalUntil = -Infinity;

  constructor(gapMs: number, users: Users) {
    this.#gapMs = gapMs;
    this.#users = users;
  }

  get openSessions(): number {
    return this.#open;
  }

  /** Σ clicks of the open sessions. */
  get clicks(): number {
    return this.#clicks;
  }

  /** Records that `flush` would write now, give or take those of sessions whose start moved. */
  get heldBack(): number {
    return this.#changed.length + this.#tombstones.length;
  }

  /** Their bytes, by estimate: characters count as one byte each, and urls as often as they change. */
  get heldBackBytes(): number {
    return this.#changedBytes;
  }

  /** Where the results have to be read from to restore what is open. */
  get resultsFrom(): bigint {
    return this.#order.from;
  }

  /** The least time at which an open session ends, gap included; Infinity if none is open. */
  get nextEnd(): number {
    this.#settle();
    return this.#ends.first;
  }

  /** Whether an open session ends at `closeTime` or before, gap included. */
  isOverdue(closeTime: number): boolean {
    // The heap's ends are never too great, so that most often no look at the true one is needed.
    return this.#ends.first <= closeTime && this.nextEnd <= closeTime;
  }

  /** Sessions that ended there or before may be final, those that ended later are not; never falls, whatever the gap. */
  finalUntil(closeTime: number): number {
    return Math.max(this.#finalUntil, closeTime - this.#gapMs);
  }

  /** Takes over what `finalUntil` was before a restart. */
  resume(finalUntil: number): void {
    this.#finalUntil = finalUntil;
  }

  /**
   * Adds a click to the session that it touches, which may bring two together, or begins one with it.
   *
   * @param closeTime sessions that ended there are closed. An older click that touches none is too late, and so is one so
   * old that a session of its own could be final, where it would begin a session anew: it could reach into one that is,
   * of which nothing is known any more.
   * @returns false if it is too late.
   */
  count(user: User, eventTime: number, url: string, closeTime: number): boolean {
    const gapMs = this.#gapMs;
    let newer: Session | undefined;
    let session = user.session;
    while (session && session.start - eventTime >= gapMs) {
      newer = session;
      session = session.older;
    }
    if (!session || eventTime - session.end >= gapMs) {
      if (eventTime < closeTime) return false;
      const begun = this.#begin(user, eventTime, url, newer, session);
      begun.clicks = 1;
      this.#clicks++;
      this.#change(begun);
      return true;
    }
    if (eventTime < session.start && eventTime <= this.finalUntil(closeTime)) return false;
    this.#clicks++;
    session.clicks++;
    this.#change(session);
    this.#takeEntry(session, eventTime, url);
    this.#takeExit(session, eventTime, url);
    // A newer session is a gap away, so that the click can only have reached out to the next older one.
    const { older } = session;
    if (older && session.start - older.end < gapMs) this.#absorb(session, older, newer);
    return true;
  }

  /**
   * Closes the sessions that end at `closeTime` or before, the gap included, in the order of their ends, until the
   * room is full. The rest stays open: call it again with the same time, until nothing is overdue, before the next
   * click is read. Only the click that led to `closeTime` may be counted while some are left.
   */
  close(closeTime: number, room: { isFull(): boolean }): void {
    while (this.isOverdue(closeTime) && !room.isFull()) {
      const session = this.#ends.firstItem;
      if (!session) return;
      this.#ends.pop();
      this.#remove(session, 'closed');
      this.#change(session);
    }
  }

  /** Hands out what changed since the last time. */
  flush(output: SessionOutput): void {
    for (const key of this.#tombstones) this.#order.reach(output.writeTombstone(key) + 1n);
    this.#tombstones = [];
    const changed = this.#changed;
    this.#changed = [];
    this.#changedBytes = 0;
    for (const session of changed) {
      session.isChanged = false;
      if (session.state === 'absorbed') continue;
      const { user, start, end, clicks, entryUrl, exitUrl, writtenStart, state } = session;
      if (writtenStart !== undefined && writtenStart !== start)
        output.writeTombstone({ userId: user.id, start: writtenStart });
      const final = state === 'closed';
      const offset = output.write({ userId: user.id, start, end, clicks, entryUrl, exitUrl, final });
      session.writtenStart = start;
      if (final) {
        this.#order.remove(session);
        this.#order.reach(offset + 1n);
      } else this.#order.written(session, offset);
    }
  }

  /** Offset after the last record known of the topic. */
  get resultsEnd(): bigint {
    return this.#order.end;
  }

  /** Another record of the topic ends at that offset, or its log was known to reach it. */
  reach(end: bigint): void {
    this.#order.reach(end);
  }

  /** Takes over a published session, in offset order; the newest one under a key wins. */
  restore(result: UserSession, offset: bigint): void {
    const { userId, start, end, clicks, entryUrl, exitUrl, final } = result;
    this.reach(offset + 1n);
    if (final) {
      this.forget(result);
      return;
    }
    const user = this.#users.admit(userId);
    let newer: Session | undefined;
    let older = user.session;
    while (older && older.start > start) {
      newer = older;
      older = older.older;
    }
    // What stands under one key only ever grows.
    const session = older?.start === start ? older : this.#begin(user, start, entryUrl, newer, older);
    this.#clicks += clicks - session.clicks;
    session.end = end;
    session.clicks = clicks;
    session.entryUrl = entryUrl;
    session.exitUrl = exitUrl;
    session.writtenStart = start;
    this.#order.written(session, offset);
  }

  /** Takes over a published tombstone: there is no session under that key any more. */
  forget({ userId, start }: UserSessionKey): void {
    let session = this.#users.find(userId)?.session;
    while (session && session.start !== start) session = session.older;
    if (!session) return;
    this.#remove(session, 'absorbed');
    this.#order.remove(session);
  }

  #begin(
    user: User,
    eventTime: number,
    url: string,
    newer: Session | undefined,
    older: Session | undefined,
  ): Session {
    const session: Session = {
      user,
      start: eventTime,
      end: eventTime,
      clicks: 0,
      entryUrl: url,
      exitUrl: url,
      older,
      writtenStart: undefined,
      isChanged: false,
      state: 'open',
      writtenAt: -1,
      writtenBefore: undefined,
      writtenAfter: undefined,
    };
    if (newer) newer.older = session;
    else user.session = session;
    this.#ends.push(eventTime + this.#gapMs, session);
    this.#open++;
    return session;
  }

  /** Makes a session part of the next older one, which keeps its key. */
  #absorb(session: Session, older: Session, newer: Session | undefined): void {
    older.clicks += session.clicks;
    this.#clicks += session.clicks;
    this.#takeExit(older, session.end, session.exitUrl);
    this.#change(older);
    if (session.writtenStart !== undefined)
      this.#tombstones.push({ userId: session.user.id, start: session.writtenStart });
    this.#unlink(session, newer);
    this.#order.remove(session);
    session.state = 'absorbed';
    this.#open--;
    this.#clicks -= session.clicks;
  }

  #takeEntry(session: Session, eventTime: number, url: string): void {
    if (eventTime > session.start || (eventTime === session.start && url >= session.entryUrl)) return;
    session.start = eventTime;
    session.entryUrl = url;
    this.#changedBytes += url.length;
  }

  #takeExit(session: Session, eventTime: number, url: string): void {
    if (eventTime < session.end || (eventTime === session.end && url <= session.exitUrl)) return;
    session.end = eventTime;
    session.exitUrl = url;
    this.#changedBytes += url.length;
  }

  #remove(session: Session, state: 'closed' | 'absorbed'): void {
    let newer: Session | undefined;
    for (let at = session.user.session; at && at !== session; at = at.older) newer = at;
    this.#unlink(session, newer);
    session.state = state;
    this.#open--;
    this.#clicks -= session.clicks;
  }

  #unlink(session: Session, newer: Session | undefined): void {
    if (newer) newer.older = session.older;
    else session.user.session = session.older;
    session.older = undefined;
  }

  #change(session: Session): void {
    if (session.isChanged) return;
    session.isChanged = true;
    this.#changed.push(session);
    const { user, entryUrl, exitUrl } = session;
    this.#changedBytes += RESULT_BYTES + 3 * user.id.length + entryUrl.length + exitUrl.length;
  }

  /** Makes the heap's first end the true one. */
  #settle(): void {
    for (;;) {
      const session = this.#ends.firstItem;
      if (!session) return;
      if (session.state !== 'open') {
        this.#ends.pop();
        continue;
      }
      const end = session.end + this.#gapMs;
      if (end === this.#ends.first) return;
      this.#ends.postpone(end);
    }
  }
}
