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

/** Starts an app again whenever it fails, as compose and systemd do, until it is told to stop or the signal aborts. */
export function supervise(start: () => AppProcess, signal: AbortSignal): Supervised {
  const { promise: ready, resolve, reject } = Promise.withResolvers<AppProcess>();
  let restarts = 0;
  const keepRunning = async () => {
    for (; !signal.aborted; restarts++) {
      const app = start();
      app.ready().then(
        () => {
          resolve(app);
        },
        () => undefined, // it has ended, which is seen below
      );
      if ((await app.ended).exitCode === 0) return;
      await delay(PAUSE_MS);
    }
  };
  // Nobody waits for what comes after it was ready: the runner looks at how each process has ended.
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
