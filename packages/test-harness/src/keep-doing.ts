/**
 * Starts work that goes on until its signal aborts.
 *
 * @returns what ends it, as often as it is called: resolves when the work has ended, and rejects with what it throws.
 */
export function keepDoing(work: (signal: AbortSignal) => Promise<void>): () => Promise<void> {
  const over = new AbortController();
  const done = work(over.signal);
  done.catch(() => undefined); // thrown to whoever stops it
  return async () => {
    over.abort();
    await done;
  };
}
