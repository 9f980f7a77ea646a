import { setTimeout as wait } from 'node:timers/promises';

/** Time as the engine knows it, so that a simulation can have its own. */
export interface Clock {
  /** Monotonic, ms. */
  now(): number;
  /** Ms since the epoch. */
  wallClockMs(): number;
  /** Resolves after `ms`, or at once when `signal` aborts; never rejects. */
  delay(ms: number, signal?: AbortSignal): Promise<void>;
}

/** The time of this process. */
export const processClock: Clock = {
  now: () => performance.now(),
  wallClockMs: () => Date.now(),
  delay: (ms, signal) => wait(ms, undefined, signal && { signal }).catch(() => undefined),
};
