/**
 * A signal that aborts as soon as one of several does, with its reason. For signals that live about as long as what is made of
 * them: one that never aborts is kept by each of them.
 *
 * Not `AbortSignal.any`: from Node.js 24.16 on that forgets an abort when its source is garbage before anybody looks
 * (nodejs/node#65995), so that what should have ended goes on.
 */
export function firstAbort(...signals: readonly AbortSignal[]): AbortSignal {
  const first = new AbortController();
  for (const signal of signals) {
    const follow = () => {
      first.abort(signal.reason);
    };
    if (signal.aborted) follow();
    else signal.addEventListener('abort', follow, { once: true, signal: first.signal });
  }
  return first.signal;
}
