import { setTimeout as delay } from 'node:timers/promises';
import type { AppProcess, RandomSource } from '@clickstream/test-harness';
import { countSockets } from './left-over.ts';
import { stopWithin } from './stop-within.ts';

/** From an app's first connection to well after it is ready. */
const MOMENTS_MS = 1_500;

/** How to stop an app again and again. */
export interface StopOptions {
  readonly rounds: number;
  /** Processes at the same time. */
  readonly atOnce: number;
  readonly random: RandomSource;
  /** Starts the app; in each lane one after the other. */
  readonly start: (round: number, lane: number) => AppProcess;
  /** What it may end with; 0 unless told otherwise. */
  readonly exitCodes?: readonly number[];
  /** Looks at what a process has left. */
  readonly after?: (round: number, app: AppProcess) => void;
}

/** Stops an app at random moments, once a round. @throws AssertionError unless it ends within 10 s each time */
export async function stopAtRandomMoments(options: StopOptions): Promise<void> {
  const { rounds, atOnce, random, start, exitCodes, after } = options;
  // Drawn before: which lane gets to which round is up to the clock.
  const moments = Array.from({ length: rounds }, () => random.below(MOMENTS_MS)).entries();
  const stopOneAfterTheOther = async (lane: number) => {
    for (const [round, momentMs] of moments) {
      const app = start(round, lane);
      await untilConnected(app);
      await delay(momentMs);
      await stopWithin(app, exitCodes);
      after?.(round, app);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, (_, lane) => stopOneAfterTheOther(lane)));
}

/** Before that, Node.js is still reading the program, and nothing is there to be stopped. */
async function untilConnected(app: AppProcess): Promise<void> {
  // Its standard error is a socket as well.
  while (!app.hasEnded && (countSockets(app.pid) ?? 2) < 2) await delay(20);
}
