/** How far back the click rate is known, seconds. */
export const RATE_WINDOW_SECONDS = 900;
/** Over how many full seconds the present rate is the mean. */
export const RATE_MEAN_SECONDS = 5;

/** What takes less is the way of a click; timestamps that are further back are of old clicks. Between, a clock is behind. */
const BEHIND_MIN_MS = 1_000;
const BEHIND_MAX_MS = 60_000;
const BEHIND_PERIOD_MS = 60_000;
/** A clock that goes back by more was set. */
const SET_BACK_SECONDS = 2;

/**
 * Clicks per second, by the time at which Kafka took them in; constant memory. A Kafka whose clock is behind ours is followed:
 * else no click would ever be in the last seconds.
 */
export class ClickRate {
  readonly #bySecond = new Float64Array(RATE_WINDOW_SECONDS);
  #newestSecond = 0;
  #firstSecond: number;
  /** How long ago the click that came fastest was taken in when it came, ms, in this period and in the one before. */
  #behindMs = [Infinity, Infinity] as const;
  #behindPeriod = 0;

  /** @param fromMs since when every click is added, ms since the epoch. */
  constructor(fromMs: number) {
    this.#firstSecond = Math.ceil(fromMs / 1_000);
  }

  /** Adds a click that has just come; one with a timestamp in the future counts as now, one from before the window not at all. */
  add(timestampMs: number, nowMs: number): void {
    const period = Math.floor(nowMs / BEHIND_PERIOD_MS);
    const [ofThis, ofLast] = this.#behindMs;
    const delayMs = Math.max(0, nowMs - timestampMs);
    this.#behindMs = period === this.#behindPeriod ? [Math.min(ofThis, delayMs), ofLast] : [delayMs, ofThis];
    this.#behindPeriod = period;
    this.addPast(timestampMs, nowMs);
  }

  /** Adds a click that came before. */
  addPast(timestampMs: number, nowMs: number): void {
    this.#advance(nowMs);
    const second = Math.min(Math.floor(timestampMs / 1_000), this.#newestSecond);
    if (second <= this.#newestSecond - RATE_WINDOW_SECONDS) return;
    const slot = second % RATE_WINDOW_SECONDS;
    this.#bySecond[slot] = (this.#bySecond[slot] ?? 0) + 1;
  }

  /** Says that the clicks since an earlier time, ms since the epoch, have been added as well. */
  extendTo(fromMs: number): void {
    this.#firstSecond = Math.min(this.#firstSecond, Math.ceil(fromMs / 1_000));
  }

  /** Seconds since the epoch with their clicks, oldest first, the present second, which is not over, last. */
  series(nowMs: number): [second: number, clicks: number][] {
    this.#advance(nowMs);
    const series: [number, number][] = [];
    const first = Math.max(this.#newestSecond - RATE_WINDOW_SECONDS + 1, this.#firstSecond);
    for (let second = first; second <= this.#newestSecond; second += 1)
      series.push([second, this.#bySecond[second % RATE_WINDOW_SECONDS] ?? 0]);
    return series;
  }

  /** The mean over the last full seconds, one decimal. */
  perSecond(nowMs: number): number {
    this.#advance(nowMs);
    const first = Math.max(this.#newestSecond - RATE_MEAN_SECONDS, this.#firstSecond);
    const seconds = this.#newestSecond - first;
    if (seconds <= 0) return 0;
    let clicks = 0;
    for (let second = first; second < this.#newestSecond; second += 1)
      clicks += this.#bySecond[second % RATE_WINDOW_SECONDS] ?? 0;
    return Math.round((10 * clicks) / seconds) / 10;
  }

  /** What Kafka's clock says at most, or ours if that is earlier. */
  #kafkaMs(nowMs: number): number {
    const behindMs = Math.min(...this.#behindMs);
    return behindMs < BEHIND_MIN_MS || behindMs > BEHIND_MAX_MS ? nowMs : nowMs - behindMs;
  }

  #advance(nowMs: number): void {
    const second = Math.floor(this.#kafkaMs(nowMs) / 1_000);
    if (second < this.#newestSecond - SET_BACK_SECONDS) {
      const future = Math.min(this.#newestSecond - second, RATE_WINDOW_SECONDS);
      for (let each = 1; each <= future; each += 1) this.#bySecond[(second + each) % RATE_WINDOW_SECONDS] = 0;
      this.#firstSecond = Math.min(this.#firstSecond, second);
      this.#newestSecond = second;
    }
    if (second <= this.#newestSecond) return;
    const first = Math.max(this.#newestSecond + 1, second - RATE_WINDOW_SECONDS + 1);
    for (let each = first; each <= second; each += 1) this.#bySecond[each % RATE_WINDOW_SECONDS] = 0;
    this.#newestSecond = second;
  }
}
