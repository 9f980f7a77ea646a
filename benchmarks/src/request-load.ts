import { Agent, get } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';

const TICK_MS = 2;
const CONNECTIONS = 64;

/**
 * Asks for urls at a steady rate, one after the other, whether or not earlier answers have come.
 *
 * @param paths are asked for in turn.
 * @returns how long each answer took from the moment at which it was due to be asked for, ms.
 * @throws Error when an answer is no success.
 */
export async function loadRequests(
  address: string,
  paths: readonly string[],
  { rate, seconds }: { readonly rate: number; readonly seconds: number },
): Promise<number[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const latencies: number[] = [];
  const asked: Promise<void>[] = [];
  const startedAt = performance.now();
  for (let sent = 0; sent < rate * seconds;) {
    const due = ((performance.now() - startedAt) / 1000) * rate;
    for (; sent < Math.min(due, rate * seconds); sent++) {
      // Not the moment at which this loop came to it, or its own pauses would not be seen.
      const dueAt = startedAt + (sent / rate) * 1000;
      asked.push(
        ask(agent, `${address}${paths[sent % paths.length] ?? '/'}`).then(() => {
          latencies.push(performance.now() - dueAt);
        }),
      );
    }
    await delay(TICK_MS);
  }
  await Promise.all(asked);
  agent.destroy();
  return latencies;
}

function ask(agent: Agent, url: string): Promise<void> {
  return new Promise((resolve, reject) => {
    get(url, { agent }, (response) => {
      response.resume().on('end', () => {
        if (response.statusCode === 200) resolve();
        else reject(new Error(`${url}: ${String(response.statusCode)}`));
      });
    }).on('error', reject);
  });
}
