import { getJson, RequestError } from './get-json.ts';

/** Why there is no stream: an EventSource is not told, an ordinary request is. Undefined if nothing is wrong any more. */
export async function whyRefused(): Promise<string | undefined> {
  try {
    await getJson('/api/overview');
    return undefined;
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
    if (error.status === 0) return 'The server does not answer. Is “results-consumer serve” running?';
    return `No figures: ${error.message}.`;
  }
}
