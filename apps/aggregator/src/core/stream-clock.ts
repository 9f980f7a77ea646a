/** What a {@link StreamClock} says of itself in a checkpoint; times in ms since the epoch. */
export interface StreamClockState {
  readonly streamTime: number;
  readonly closeTime: number;
}

/**
 * Stream time: the greatest event time counted, or what idle time has made of it. It never falls.
 *
 * What ends at `closeTime` or before is closed. That is stream time less the grace, and never falls either: a greater
 * grace after a restart opens nothing again whose final result is published.
 */
export class StreamClock {
  readonly #graceMs: number;
  #streamTime = -Infinity;
  #closeTime = -Infinity;
  /** Idle time that has closed nothing yet. */
  #idleMs = 0;

  constructor(graceMs: number) {
    this.#graceMs = graceMs;
  }

  /** -Infinity before the first click was counted. */
  get streamTime(): number {
    return this.#streamTime;
  }

  /** -Infinity before the first click was counted. */
  get closeTime(): number {
    return this.#closeTime;
  }

  /** Undefined before the first click was counted. */
  get state(): StreamClockState | undefined {
    const { streamTime, closeTime } = this;
    return streamTime === -Infinity ? undefined : { streamTime, closeTime };
  }

  resume({ streamTime, closeTime }: StreamClockState): void {
    this.#closeTime = closeTime;
    this.#moveTo(streamTime);
  }

  /** A record came, so that no idle time runs. */
  endIdleTime(): void {
    this.#idleMs = 0;
  }

  /** Takes note of a click that is counted. Returns whether stream time moved. */
  count(eventTime: number): boolean {
    if (eventTime <= this.#streamTime) return false;
    this.#moveTo(eventTime);
    return true;
  }

  /**
   * Moves stream time on by idle time: to one deadline after another, as far as the idle time so far reaches, and not
   * at all while nothing closes by it. So it never passes the last open deadline, nor `wallClockMs`, and a pause makes
   * late only what would be late without one. Before the first click it has no opinion.
   *
   * @param idleMs more of it, beside what was given before.
   * @param nextEnd the least end of what is open, Infinity if nothing is.
   * @param close closes what {@link closeTime} says, or some of it, where the clock stops for the rest.
   * @returns whether a deadline was reached, so that there is something to commit, also where there was no room to close
   * anything.
   */
  idle(idleMs: number, wallClockMs: number, nextEnd: () => number, close: () => void): boolean {
    if (this.#streamTime === -Infinity) return false;
    this.#idleMs += idleMs;
    let hasMoved = false;
    for (;;) {
      // Where a smaller grace came with a restart, a deadline may have passed already.
      const deadline = Math.max(nextEnd() + this.#graceMs, this.#streamTime);
      if (deadline > this.#streamTime + this.#idleMs || deadline > wallClockMs) return hasMoved;
      this.#idleMs -= deadline - this.#streamTime;
      this.#moveTo(deadline);
      close();
      hasMoved = true;
      if (nextEnd() <= this.#closeTime) return true;
    }
  }

  #moveTo(streamTime: number): void {
    this.#streamTime = streamTime;
    const closeTime = streamTime - this.#graceMs;
    if (closeTime > this.#closeTime) this.#closeTime = closeTime;
  }
}
