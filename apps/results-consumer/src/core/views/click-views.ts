import { Books } from './books.ts';
import { ClickLag } from './click-lag.ts';
import { ClickRate } from './click-rate.ts';
import { DeadLetters, type DeadLetterCounts } from './dead-letters.ts';
import { LatencyWindow, type Latency } from './latency-window.ts';
import { PageWindows } from './page-windows.ts';
import { Sessions } from './sessions.ts';
import { UserTotals } from './user-totals.ts';
import type { ViewRecord } from './view-record.ts';

/** The figures at the top of the dashboard. */
export interface Overview {
  /** ms since the epoch */
  readonly now: number;
  /** Whether everything that was there at the start has been read, but for dead letters and the rate's past. */
  readonly ready: boolean;
  readonly totalClicks: number;
  readonly users: number;
  /** Users whose last click was at most 5 minutes ago, by event time. */
  readonly activeUsers5m: number;
  /** Mean of the last 5 full seconds, by the time at which Kafka took the clicks in. */
  readonly clicksPerSecond: number;
  readonly openSessions: number;
  /** After so long without a click of its user a session is over; null while it is not known. */
  readonly sessionGapMs: number | null;
  readonly lagRecords: number;
  /** Age of the oldest click that is not counted; 0 if there is none, null while it is not known. */
  readonly oldestWaitingSeconds: number | null;
  readonly latency: Latency;
  readonly deadLetters: DeadLetterCounts;
  readonly books: ReturnType<Books['view']>;
}

/** The topics whose records make the views. */
export type FeedName = 'totals' | 'pages' | 'sessions' | 'deadLetters';

/** Everything that the dashboard shows, made from committed records one by one. */
export class ClickViews {
  readonly totals: UserTotals;
  readonly pages = new PageWindows();
  readonly sessions = new Sessions();
  readonly deadLetters = new DeadLetters();
  readonly rate: ClickRate;
  readonly latency = new LatencyWindow();
  readonly books = new Books();
  readonly lag = new ClickLag(this.books);
  /** Records that could not be read, by topic. */
  readonly unreadable: Record<FeedName, number> = { totals: 0, pages: 0, sessions: 0, deadLetters: 0 };
  #readyAtMs: number | undefined;

  /**
   * @param seed whole number that nobody can guess.
   * @param startedAtMs since when every click is added to the rate.
   */
  constructor(seed: number, startedAtMs: number) {
    this.totals = new UserTotals(seed);
    this.rate = new ClickRate(startedAtMs);
  }

  get isReady(): boolean {
    return this.#readyAtMs !== undefined;
  }

  /** Everything that was there at the start has been read, but for dead letters and the rate's past. */
  setReady(nowMs: number): void {
    this.#readyAtMs = nowMs;
  }

  /**
   * Takes over a record of a topic. One that was written since it is ready tells how long its click took; one from before
   * waited for the reading to come so far.
   */
  apply(feed: FeedName, record: ViewRecord, nowMs: number): void {
    if (feed !== 'totals') {
      if (!this[feed].apply(record)) this.unreadable[feed] += 1;
      return;
    }
    // A clock that was ahead was set right: nothing would be newer until it is there again.
    if (this.#readyAtMs !== undefined && nowMs < this.#readyAtMs) this.#readyAtMs = nowMs;
    const lastClickAt = this.totals.apply(record, nowMs);
    if (lastClickAt === 'unreadable') this.unreadable.totals += 1;
    else if (lastClickAt !== undefined && record.timestampMs >= (this.#readyAtMs ?? Infinity))
      this.latency.add(nowMs - lastClickAt, nowMs);
  }

  overview(nowMs: number): Overview {
    return {
      now: nowMs,
      ready: this.isReady,
      totalClicks: this.totals.clicks,
      users: this.totals.users,
      activeUsers5m: this.totals.activeUsers(nowMs),
      clicksPerSecond: this.rate.perSecond(nowMs),
      // Of all sessions only the newest are kept here.
      openSessions: this.books.openSessions ?? this.sessions.open,
      sessionGapMs: this.books.sessionGapMs ?? null,
      lagRecords: this.lag.records(),
      oldestWaitingSeconds: this.lag.seconds(nowMs),
      latency: this.latency.percentiles(nowMs),
      deadLetters: this.deadLetters.counts(),
      books: this.books.view(nowMs),
    };
  }
}
