import { setTimeout as delay } from 'node:timers/promises';

/** Something took too long. */
export class LimitError extends Error {}

/** @throws LimitError with the finding when work takes longer than this; what comes of it later is nobody's any more. */
export async function withLimit<Result>(
  work: Promise<Result>,
  limitMs: number,
  finding: string,
): Promise<Result> {
  const over = new AbortController();
  try {
    return await Promise.race([
      work,
      delay(limitMs, undefined, { signal: over.signal }).then(() => {
        throw new LimitError(`${finding} within ${limitMs / 1000} s`);
      }),
    ]);
  } finally {
    over.abort();
    work.catch(() => undefined);
  }
}
