/**
 * Asks again and again until it is told to stop, and not while nobody looks at the tab.
 *
 * @param ask resolves to the wait until the next time, ms, or to `undefined` when there is no need of one; it must not reject
 */
export function poll(ask: (signal: AbortSignal) => Promise<number | undefined>, signal: AbortSignal): void {
  const next = async () => {
    if (signal.aborted) return;
    if (document.hidden) {
      document.addEventListener('visibilitychange', () => void next(), { once: true, signal });
      return;
    }
    const waitMs = await ask(signal);
    if (waitMs !== undefined) setTimeout(() => void next(), waitMs);
  };
  void next();
}
