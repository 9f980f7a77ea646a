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
}

/** The sessions of a user: those that were published, and the clicks counted anew. */
export class UserSessions {
  /** Clicks in no session that was published. */
  uncovered = 0;
  firstUncovered: number | undefined;
  /** Whether a record above the cut tells of another session, or of an end of one. */
  isOvertaken = false;
  #keys: PublishedSession[] | undefined;
  /** Those that are in force at the cut, by their start. */
  #inForce: PublishedSession[] | undefined;
  #visits: Visit[] | undefined;

  /** The session published under a key. */
  ofKey(start: number): PublishedSession {
    this.#keys ??= [];
    // Most records are about sessions that began not long before.
    const known = this.#keys.findLast((session) => session.start === start);
    if (known) return known;
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
    this.#keys.push(session);
    return session;
  }

  /** The sessions in force at the cut, by their start. Ask after all of them were read. */
  get inForce(): readonly PublishedSession[] {
    this.#inForce ??= (this.#keys ?? [])
      .filter(({ published }) => published !== undefined)
      .sort((one, other) => one.start - other.start);
    return this.#inForce;
  }

  /** Adds a click that belongs to a session. */
  count(timestamp: number, url: string, origin: number, gapMs: number): void {
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
    return (this.#visits ?? []).some((visit) => visit.start <= start && end <= visit.end);
  }

  #sessionAt(timestamp: number): PublishedSession | undefined {
    const sessions = this.inForce;
    let low = 0;
    let high = sessions.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((sessions[middle]?.start ?? Infinity) <= timestamp) low = middle + 1;
      else high = middle;
    }
    // Only where sessions overlap is it another one than the first of these.
    for (let at = low - 1; at >= 0; at--) {
      const session = sessions[at];
      if (session?.published && timestamp <= session.published.end) return session;
    }
    return undefined;
  }

  #visit(timestamp: number, gapMs: number): void {
    this.#visits ??= [];
    const visits = this.#visits;
    let at = visits.length - 1;
    while (at >= 0 && (visits[at]?.start ?? 0) - timestamp >= gapMs) at--;
    const visit = visits[at];
    if (!visit || timestamp - visit.end >= gapMs) {
      visits.splice(at + 1, 0, { start: timestamp, end: timestamp });
      return;
    }
    if (timestamp > visit.end) visit.end = timestamp;
    if (timestamp >= visit.start) return;
    visit.start = timestamp;
    const before = visits[at - 1];
    if (!before || timestamp - before.end >= gapMs) return;
    before.end = Math.max(before.end, visit.end);
    visits.splice(at, 1);
  }
}
