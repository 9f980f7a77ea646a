import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import type { AppProcess, RandomSource } from '@clickstream/test-harness';
import { countSockets } from './left-over.ts';
import { stopWithin } from './stop-within.ts';

/** From an app's first connection to well after it is ready. */
const MOMENTS_MS = 1_500;
/** What has ended by itself is stopped at half the moment the next time, so that it still runs before long. */
const MOST_ATTEMPTS = 20;

/** How to stop an app again and again. */
export interface StopOptions {
  readonly rounds: number;
  /** Processes at the same time. */
  readonly atOnce: number;
  readonly random: RandomSource;
  /** Starts the app; in each lane one after the other, and again when it had ended before it was stopped. */
  readonly start: (round: number, lane: number) => AppProcess;
  /** From when on the moment counts; from its first connection unless told otherwise. */
  readonly begun?: (app: AppProcess, round: number) => Promise<void>;
  /** What it may end with; 0 unless told otherwise. */
  readonly exitCodes?: readonly number[];
  /** Looks at what a process has left. */
  readonly after?: (round: number, app: AppProcess) => Promise<void> | void;
}

/** Stops an app that runs at random moments, once a round. @throws AssertionError unless it ends within 10 s each time */
export async function stopAtRandomMoments(options: StopOptions): Promise<void> {
  const { rounds, atOnce, random, start, begun = untilConnected, exitCodes = [0], after } = options;
  const startAndStop = async (round: number, lane: number, momentMs: number): Promise<AppProcess> => {
    for (let [attempt, waitMs] = [0, momentMs]; attempt < MOST_ATTEMPTS; attempt++, waitMs /= 2) {
      const app = start(round, lane);
      await begun(app, round);
      await delay(waitMs);
      if (!app.hasEnded) {
        await stopWithin(app, exitCodes);
        return app;
      }
      const { exitCode, stderr } = await app.ended;
      assert.ok(
        exitCodes.includes(exitCode ?? NaN),
        `it ended by itself with ${String(exitCode)}:\n${stderr}`,
      );
    }
    throw new Error(`it had ended by itself ${MOST_ATTEMPTS} times before it was told to stop`);
  };
  // Drawn before: which lane gets to which round is up to the clock.
  const moments = Array.from({ length: rounds }, () => random.below(MOMENTS_MS)).entries();
  const stopOneAfterTheOther = async (lane: number) => {
    for (const [round, momentMs] of moments) {
      const app = await startAndStop(round, lane, momentMs);
      await after?.(round, app);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, (_, lane) => stopOneAfterTheOther(lane)));
}

/** Before that, Node.js is still reading the program, and nothing is there to be stopped. */
export async function untilConnected(app: AppProcess): Promise<void> {
  // Its standard error is a socket as well.
  while (!app.hasEnded && (countSockets(app.pid) ?? 2) < 2) await delay(20);
}
