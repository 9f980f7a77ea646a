import type { InputName } from './task-logic.ts';

/** Between two answers further apart, nobody knows whether anything came. */
const LONGEST_INTERVAL_MS = 1_000;

/**
 * Adds up how long both inputs of a task have been idle: the time from one answer of the broker without a record to the
 * next, with the task at the end of the log. It knows no clock and no timer, so that a broker that is gone, a process that sleeps or
 * a task that is behind makes no idle time.
 */
export class IdleWatch {
  readonly #timeoutMs: number;
  readonly #idle: Record<InputName, { sinceMs: number | undefined; idleMs: number }> = {
    input: { sinceMs: undefined, idleMs: 0 },
    repartition: { sinceMs: undefined, idleMs: 0 },
  };
  #toldMs = 0;

  /** @param timeoutMs idle time before any of it is told; then all of it is. */
  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  /**
   * Takes note of an answer of the broker, at a monotonic time in ms.
   *
   * @returns idle time that was not told before, ms; undefined where the idle period begins anew, so that what was told
   * before counts no more.
   */
  answer(input: InputName, isIdle: boolean, nowMs: number): number | undefined {
    const idle = this.#idle[input];
    const intervalMs = idle.sinceMs === undefined ? 0 : nowMs - idle.sinceMs;
    idle.sinceMs = isIdle ? nowMs : undefined;
    if (!isIdle || intervalMs > LONGEST_INTERVAL_MS) {
      idle.idleMs = 0;
      this.#toldMs = 0;
      return undefined;
    }
    idle.idleMs += intervalMs;
    const bothMs = Math.min(this.#idle.input.idleMs, this.#idle.repartition.idleMs);
    if (bothMs < this.#timeoutMs) return 0;
    const untoldMs = bothMs - this.#toldMs;
    this.#toldMs = bothMs;
    return untoldMs;
  }
}
