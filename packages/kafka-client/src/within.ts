import { setTimeout as delay } from 'node:timers/promises';

/** Waits for some work, but no longer than `limitMs`. @throws what the work throws until then. */
export async function within(limitMs: number, work: Promise<unknown> | undefined): Promise<void> {
  const over = new AbortController();
  try {
    await Promise.race([work, delay(limitMs, undefined, { signal: over.signal }).catch(() => undefined)]);
  } finally {
    over.abort();
  }
}
