/**
 * Which windows an event time falls into: `[start, start + sizeMs)`, a new one each `advanceMs`, aligned to the epoch.
 * Tumbling if the two are equal, hopping otherwise; then a click is in exactly `sizeMs / advanceMs` windows.
 */
export class TimeWindows {
  readonly sizeMs: number;
  readonly advanceMs: number;

  /** @throws RangeError unless `advanceMs` divides `sizeMs`: else clicks would be in different numbers of windows. */
  constructor(sizeMs: number, advanceMs: number) {
    if (!(advanceMs >= 1 && advanceMs <= sizeMs && sizeMs % advanceMs === 0))
      throw new RangeError(`advanceMs ${advanceMs} does not divide sizeMs ${sizeMs}`);
    this.sizeMs = sizeMs;
    this.advanceMs = advanceMs;
  }

  /** Start of the first window that `eventTime` is in; the others follow each `advanceMs`, up to {@link lastStart}. */
  firstStart(eventTime: number): number {
    return this.lastStart(eventTime) - this.sizeMs + this.advanceMs;
  }

  /** Start of the last window that `eventTime` is in. */
  lastStart(eventTime: number): number {
    return Math.floor(eventTime / this.advanceMs) * this.advanceMs;
  }

  /** The greatest end of a window at or before `time`. */
  lastEnd(time: number): number {
    // The size is a whole number of advances, so that windows end where others start.
    return this.lastStart(time);
  }
}
