import kafkajs from '#kafkajs';

const MINUTE_MS = 60_000;
/** Something that fails more often in a minute ends the process, for a person to look. */
const MOST_PER_MINUTE = 5;
const FIRST_WAIT_MS = 200;
const DOUBLINGS = 4;

/** How often something failed within the last minute, and what follows of it. */
export class RecentFailures {
  #failures: { readonly at: number; readonly isConnectionFailure: boolean }[] = [];

  /**
   * Takes note of a failure.
   *
   * @param now ms of a clock that never goes back
   * @returns how long to wait before the next attempt, 0.4 to 3.2 s; undefined if it was one too many. Failures of the
   *   connection to a broker are never too many: that broker comes back, or others take over what it had, and a new
   *   process would reach it no better.
   */
  add(error: unknown, now: number): number | undefined {
    this.#failures = this.#failures.filter(({ at }) => now - at < MINUTE_MS);
    this.#failures.push({ at: now, isConnectionFailure: isConnectionFailure(error) });
    if (this.#failures.filter((failure) => !failure.isConnectionFailure).length > MOST_PER_MINUTE)
      return undefined;
    return FIRST_WAIT_MS * 2 ** Math.min(this.#failures.length, DOUBLINGS);
  }
}

/** Whether a request failed on its way to or from its broker. */
function isConnectionFailure(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause)
    if (at instanceof kafkajs.KafkaJSConnectionError || at instanceof kafkajs.KafkaJSRequestTimeoutError)
      return true;
  return false;
}
