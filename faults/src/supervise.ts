import { setTimeout as delay } from 'node:timers/promises';
import type { AppProcess } from '@clickstream/test-harness';

const PAUSE_MS = 1_000;

/**
 * Starts an app again whenever it fails, as compose and systemd do, until it ends by itself or because it was told to.
 *
 * @returns the process that has come to be ready.
 */
export async function supervise(start: () => AppProcess, signal: AbortSignal): Promise<AppProcess> {
  while (!signal.aborted) {
    const app = start();
    try {
      await app.ready();
      void app.ended.then(async ({ exitCode }) => {
        if (exitCode === 0 || signal.aborted) return;
        await delay(PAUSE_MS);
        await supervise(start, signal);
      });
      return app;
    } catch {
      await delay(PAUSE_MS);
    }
  }
  throw new Error('the app was never ready');
}
