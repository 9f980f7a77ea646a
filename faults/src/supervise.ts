import { setTimeout as delay } from 'node:timers/promises';
import type { AppProcess } from '@clickstream/test-harness';

const PAUSE_MS = 1_000;

/** An app that is started again. */
export interface Supervised {
  /** The first process that has come to be ready; rejects when it is over before. */
  readonly ready: Promise<AppProcess>;
  /** How often it was started again so far. */
  readonly restarts: number;
}

/** Starts an app again whenever it fails, as compose and systemd do, until it has come to be ready or the signal aborts. */
export function supervise(start: () => AppProcess, signal: AbortSignal): Supervised {
  const { promise: ready, resolve, reject } = Promise.withResolvers<AppProcess>();
  let restarts = 0;
  let isReady = false;
  const keepRunning = async () => {
    for (; !signal.aborted; restarts++) {
      const app = start();
      app.ready().then(
        () => {
          isReady = true;
          resolve(app);
        },
        () => undefined, // it has ended, which is seen below
      );
      const { exitCode } = await app.ended;
      if (isReady || exitCode === 0) return;
      await delay(PAUSE_MS);
    }
  };
  keepRunning().then(() => {
    reject(new Error('the app was never ready'));
  }, reject);
  ready.catch(() => undefined); // thrown to whoever waits for it
  return {
    ready,
    get restarts() {
      return restarts;
    },
  };
}
