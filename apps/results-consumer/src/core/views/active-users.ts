/** Over how long a user counts as active, seconds. */
export const ACTIVE_WINDOW_SECONDS = 300;

/** A clock that goes back by more was set. */
const SET_BACK_SECONDS = 2;

/** How many users have their last click within the window, by the second; constant memory. */
export class ActiveUsers {
  readonly #bySecond = new Uint32Array(ACTIVE_WINDOW_SECONDS);
  #newestSecond = 0;
  #count = 0;

  /** Whether a clock that was ahead was set back since; who keeps the notes has to count anew then. */
  isAheadOf(nowMs: number): boolean {
    return Math.floor(nowMs / 1_000) < this.#newestSecond - SET_BACK_SECONDS;
  }

  /** How many there are at this moment, ms since the epoch. */
  count(nowMs: number): number {
    this.#advance(nowMs);
    return this.#count;
  }

  /**
   * Notes a user's last click, ms since the epoch; one in the future counts as now.
   *
   * @param earlier what this returned for the user's last click before; 0 if there was none.
   * @returns what to hand in as `earlier` next time.
   */
  move(earlier: number, lastClickAtMs: number, nowMs: number): number {
    this.#advance(nowMs);
    this.remove(earlier);
    const second = Math.min(Math.floor(lastClickAtMs / 1_000), this.#newestSecond);
    if (!this.#isWithin(second)) return 0;
    this.#add(second, 1);
    return second;
  }

  /** Forgets a user, by what `move` returned last. */
  remove(earlier: number): void {
    if (this.#isWithin(earlier)) this.#add(earlier, -1);
  }

  #isWithin(second: number): boolean {
    return second > this.#newestSecond - ACTIVE_WINDOW_SECONDS && second > 0;
  }

  #add(second: number, change: number): void {
    const slot = second % ACTIVE_WINDOW_SECONDS;
    this.#bySecond[slot] = (this.#bySecond[slot] ?? 0) + change;
    this.#count += change;
  }

  #advance(nowMs: number): void {
    const second = Math.floor(nowMs / 1_000);
    if (second <= this.#newestSecond) return;
    const first = Math.max(this.#newestSecond + 1, second - ACTIVE_WINDOW_SECONDS + 1);
    for (let each = first; each <= second; each += 1) {
      const slot = each % ACTIVE_WINDOW_SECONDS;
      this.#count -= this.#bySecond[slot] ?? 0;
      this.#bySecond[slot] = 0;
    }
    this.#newestSecond = second;
  }
}
