import { watchLaunchers } from './launchers.ts';

/** The signals that ask a process to stop, and the exit code that says so. */
export const STOP_EXIT_CODES = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;

export type StopSignal = keyof typeof STOP_EXIT_CODES;

/**
 * Turns Ctrl-C, SIGTERM, SIGHUP and the death of whoever launched this process into one promise, for the rest of this
 * process. Later ones change nothing: one Ctrl-C arrives several times, since npx, pnpm and the shells between pass on
 * what they got too.
 */
export function awaitStopRequest(): Promise<StopSignal> {
  return new Promise((resolve) => {
    for (const signal of Object.keys(STOP_EXIT_CODES) as StopSignal[]) {
      process.on(signal, () => {
        resolve(signal);
      });
    }
    watchLaunchers(() => {
      resolve('SIGHUP');
    });
  });
}
