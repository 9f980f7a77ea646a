import { refusalText } from './refusal-text.ts';
import { isOverTime, NO_ANSWER_IN_TIME, timeLimit } from './time-limit.ts';

/**
 * Why there is no stream at this url: an EventSource is not told, an ordinary request of the same is.
 *
 * @returns a sentence; undefined if nothing is wrong any more
 */
export async function whyRefused(url: string): Promise<string | undefined> {
  const asked = new AbortController();
  try {
    const response = await fetch(url, { cache: 'no-store', signal: timeLimit(asked.signal) });
    if (response.ok) return undefined;
    const reason = refusalText(response.status, await response.text().catch(() => ''));
    return `No live figures: ${reason}. It is tried again.`;
  } catch (error) {
    if (isOverTime(error)) return `No live figures: ${NO_ANSWER_IN_TIME}. It is tried again.`;
    return 'The server does not answer. Is “results-consumer serve” running?';
  } finally {
    // A stream that is granted would go on, and be one viewer more.
    asked.abort();
  }
}
