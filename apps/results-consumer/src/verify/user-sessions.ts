/** A session as it was published, and what its clicks come to. Times are event times, ms since the epoch. */
export interface PublishedSession {
  readonly start: number;
  /** What the newest record of its key below the cut says; undefined if there is none, or a tombstone. */
  published: SessionRecord | undefined;
  /** Whether a final record was met. */
  isFinal: boolean;
  /** Whether there is a record of its key above the cut. */
  isOvertaken: boolean;
  clicks: number;
  /** Of its clicks at the start the least url, of those at the end the greatest. */
  entryUrl: string | undefined;
  exitUrl: string | undefined;
  /** Event time of the click that came first. */
  firstCame: number | undefined;
  /** Whether its clicks came through several partitions, so that nobody knows in which order. */
  isMixed: boolean;
  origin: number;
}

/** What a record says about a session. */
export interface SessionRecord {
  readonly end: number;
  readonly clicks: number;
  readonly entryUrl: string;
  readonly exitUrl: string;
  readonly isFinal: boolean;
}

/** A stretch of event time in which clicks are less than the gap apart. */
interface Visit {
  start: number;
  end: number;
  /** Whether two became one: the first one's session may have been closed by then. */
  isJoined: boolean;
}

/** The sessions of a user: those that were published, and the clicks counted anew. */
export class UserSessions {
  /** Clicks in no session that was published. */
  uncovered = 0;
  firstUncovered: number | undefined;
  /** Whether a record above the cut tells of another session, or of an end of one. */
  isOvertaken = false;
  /** By their start. */
  #keys: PublishedSession[] | undefined;
  /** Those that are in force at the cut, by their start. */
  #inForce: PublishedSession[] | undefined;
  /** For each of them the greatest end of those up to it. */
  #ends: number[] | undefined;
  /** By their start; they are the gap or more apart. */
  #visits: Visit[] | undefined;
  /** The partition that all clicks so far came through: these are in the order in which they were counted. */
  #onlyOrigin: number | 'several' | undefined;

  /** The session published under a key. */
  ofKey(start: number): PublishedSession {
    this.#keys ??= [];
    const at = lastUntil(this.#keys, start);
    const known = this.#keys[at];
    if (known?.start === start) return known;
    const session: PublishedSession = {
      start,
      published: undefined,
      isFinal: false,
      isOvertaken: false,
      clicks: 0,
      entryUrl: undefined,
      exitUrl: undefined,
      firstCame: undefined,
      isMixed: false,
      origin: -1,
    };
    this.#keys.splice(at + 1, 0, session);
    return session;
  }

  /** The sessions in force at the cut, by their start. Ask after all of them were read. */
  get inForce(): readonly PublishedSession[] {
    this.#inForce ??= (this.#keys ?? []).filter(({ published }) => published !== undefined);
    return this.#inForce;
  }

  /** Adds a click that belongs to a session. */
  count(timestamp: number, url: string, origin: number, gapMs: number): void {
    this.#onlyOrigin = this.#onlyOrigin === undefined || this.#onlyOrigin === origin ? origin : 'several';
    this.#visit(timestamp, gapMs);
    const session = this.#sessionAt(timestamp);
    if (!session) {
      this.uncovered++;
      this.firstUncovered = Math.min(this.firstUncovered ?? timestamp, timestamp);
      return;
    }
    session.clicks++;
    session.firstCame ??= timestamp;
    if (session.origin >= 0 && session.origin !== origin) session.isMixed = true;
    session.origin = origin;
    if (timestamp === session.start && (session.entryUrl === undefined || url < session.entryUrl))
      session.entryUrl = url;
    if (timestamp === session.published?.end && (session.exitUrl === undefined || url > session.exitUrl))
      session.exitUrl = url;
  }

  /** Whether clicks lead from one time to the other, each less than the gap after the one before. */
  isOneVisit(start: number, end: number): boolean {
    const visits = this.#visits ?? [];
    const visit = visits[lastUntil(visits, start)];
    return visit !== undefined && end <= visit.end;
  }

  /**
   * Whether a click that comes now certainly belongs to a session that is open, however old it is. A session goes on as a
   * visit does: a click that is less than the gap from a closed one is too late, so that it can only bring an open one up to
   * it. False where clicks came through several partitions, so that nobody knows which of them came before.
   *
   * @param closeTime sessions that ended there, the gap included, are closed.
   */
  isOpenAt(timestamp: number, origin: number, closeTime: number, gapMs: number): boolean {
    if (this.#onlyOrigin !== origin) return false;
    const visits = this.#visits ?? [];
    const visit = visits[lastUntil(visits, timestamp + gapMs - 1)];
    if (!visit || visit.isJoined || timestamp - visit.end >= gapMs) return false;
    // One that would begin earlier with it might reach into one that is closed.
    const isInTime = timestamp >= visit.start || timestamp > closeTime - gapMs;
    return visit.end + gapMs > closeTime && isInTime;
  }

  #sessionAt(timestamp: number): PublishedSession | undefined {
    const sessions = this.inForce;
    this.#ends ??= greatestEnds(sessions);
    // Only where sessions overlap is it another one than the first of these.
    for (let at = lastUntil(sessions, timestamp); timestamp <= (this.#ends[at] ?? -Infinity); at--) {
      const session = sessions[at];
      if (session?.published && timestamp <= session.published.end) return session;
    }
    return undefined;
  }

  #visit(timestamp: number, gapMs: number): void {
    this.#visits ??= [];
    const visits = this.#visits;
    // The last one that begins less than the gap after it.
    const at = lastUntil(visits, timestamp + gapMs - 1);
    const visit = visits[at];
    if (!visit || timestamp - visit.end >= gapMs) {
      visits.splice(at + 1, 0, { start: timestamp, end: timestamp, isJoined: false });
      return;
    }
    if (timestamp > visit.end) visit.end = timestamp;
    if (timestamp >= visit.start) return;
    visit.start = timestamp;
    const before = visits[at - 1];
    if (!before || timestamp - before.end >= gapMs) return;
    before.end = Math.max(before.end, visit.end);
    before.isJoined = true;
    visits.splice(at, 1);
  }
}

/** Of a list by start, where the last one that starts at a time or before stands; -1 if there is none. */
function lastUntil(list: readonly { readonly start: number }[], time: number): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((list[middle]?.start ?? Infinity) <= time) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

function greatestEnds(sessions: readonly PublishedSession[]): number[] {
  let greatest = -Infinity;
  return sessions.map(({ published, start }) => (greatest = Math.max(greatest, published?.end ?? start)));
}
