import { setTimeout as delay } from 'node:timers/promises';

const LONGEST_TIMEOUT_MS = 2 ** 31 - 1;

/** Waits that many ms, 1 at least and 24 days at most (callers look at the clock again); less if the signal aborts. */
export async function wait(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await delay(Math.min(Math.max(ms, 1), LONGEST_TIMEOUT_MS), undefined, { signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

/** Waits for `work`, or for the signal if that comes first. */
export async function orAborted(work: Promise<unknown>, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  const { promise: aborted, resolve } = Promise.withResolvers<undefined>();
  const onAbort = () => {
    resolve(undefined);
  };
  // Not one promise for all waits: `race` would leave a reaction on it each time.
  signal.addEventListener('abort', onAbort);
  try {
    await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
