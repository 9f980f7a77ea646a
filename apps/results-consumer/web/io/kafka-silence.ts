import { timeLimit } from './time-limit.ts';
import type { KafkaSilence } from '../state/connection-state.ts';

/** @returns `none` if Kafka answers; undefined if the server told nothing, of which the state of the connection tells */
export async function kafkaSilence(): Promise<KafkaSilence | 'none' | undefined> {
  try {
    const response = await fetch('/readyz', { cache: 'no-store', signal: timeLimit() });
    const { code, silenceMs, partition } = (await response.json()) as Readonly<Record<string, unknown>>;
    if (code !== 'silent') return response.ok || code === 'reading' ? 'none' : undefined;
    return {
      sinceMs: typeof silenceMs === 'number' ? Date.now() - silenceMs : undefined,
      isPartial: typeof partition === 'string',
    };
  } catch {
    return undefined;
  }
}
