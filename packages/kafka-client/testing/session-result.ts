/** How sessions are made in a schedule. */
export interface SessionSettings {
  /** Clicks of a user that are less apart are of one session. */
  readonly gapMs: number;
  /** A session closes when stream time is the gap and this much behind its end. */
  readonly graceMs: number;
}

/** The value of a session's record, whose key is `user/start`. */
export interface SessionResult {
  readonly end: number;
  readonly clicks: number;
  readonly final: boolean;
}
