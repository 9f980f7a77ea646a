/** How far back the click rate is known, seconds. */
export const RATE_WINDOW_SECONDS = 900;
/** Over how many full seconds the present rate is the mean. */
export const RATE_MEAN_SECONDS = 5;

/** Clicks per second, by the time at which Kafka took them in; constant memory. */
export class ClickRate {
  readonly #bySecond = new Float64Array(RATE_WINDOW_SECONDS);
  #newestSecond = 0;
  #firstSecond: number;

  /** @param fromMs since when every click is added, ms since the epoch. */
  constructor(fromMs: number) {
    this.#firstSecond = Math.ceil(fromMs / 1_000);
  }

  /** Adds a click; one with a timestamp in the future counts as now, one from before the window not at all. */
  add(timestampMs: number, nowMs: number): void {
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

  #advance(nowMs: number): void {
    const second = Math.floor(nowMs / 1_000);
    if (second <= this.#newestSecond) return;
    const first = Math.max(this.#newestSecond + 1, second - RATE_WINDOW_SECONDS + 1);
    for (let each = first; each <= second; each += 1) this.#bySecond[each % RATE_WINDOW_SECONDS] = 0;
    this.#newestSecond = second;
  }
}
