import { getJson, RequestError } from './get-json.ts';

/** Why the server has nothing new to show although it answers; undefined if it has. */
export async function kafkaSilence(): Promise<string | undefined> {
  try {
    await getJson('/readyz');
    return undefined;
  } catch (error) {
    // What does not answer at all, the state of the connection tells.
    if (!(error instanceof RequestError) || error.status !== 503) return undefined;
    return 'Kafka does not answer: the figures are the last that it gave.';
  }
}
