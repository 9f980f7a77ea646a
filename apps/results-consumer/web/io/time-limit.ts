/** An answer takes some ms. What is not answered for so long waits for a server that hangs, or for a free connection. */
const ANSWER_LIMIT_MS = 8_000;

/** That there was no answer in time, and why that may be. */
export const NO_ANSWER_IN_TIME = `no answer for ${ANSWER_LIMIT_MS / 1_000} s: the server is busy, or too many windows of this page are open`;

/** Aborts a request that is not answered in time, or that these signals abort. */
export function timeLimit(...signals: AbortSignal[]): AbortSignal {
  return AbortSignal.any([AbortSignal.timeout(ANSWER_LIMIT_MS), ...signals]);
}

/** Whether a request failed because it was not answered in time. */
export function isOverTime(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'TimeoutError';
}
