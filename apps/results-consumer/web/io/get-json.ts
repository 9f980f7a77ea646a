import { refusalText } from './refusal-text.ts';
import { isOverTime, NO_ANSWER_IN_TIME, timeLimit } from './time-limit.ts';

/** An answer that is no success, or none at all (status 0); the message says what to do. */
export class RequestError extends Error {
  override readonly name = 'RequestError';
  readonly status: number;

  constructor(status: number, detail: string) {
    super(detail);
    this.status = status;
  }
}

/** Asks the API. @throws RequestError */
export async function getJson<Body>(path: string, signal: AbortSignal): Promise<Body> {
  let response: Response;
  let text: string;
  try {
    response = await fetch(path, { cache: 'no-store', signal: timeLimit(signal) });
    text = await response.text();
  } catch (error) {
    if (signal.aborted) throw error;
    throw new RequestError(0, isOverTime(error) ? NO_ANSWER_IN_TIME : 'the server does not answer');
  }
  if (response.ok) return bodyOf(response.status, text) as Body;
  throw new RequestError(response.status, refusalText(response.status, text));
}

/** A proxy, or the page of a log-in, may answer in the server's place. */
function bodyOf(status: number, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new RequestError(status, 'the server answers with something else than JSON');
  }
}
