import { setTimeout as delay } from 'node:timers/promises';
import type { AppProcess, RandomSource } from '@clickstream/test-harness';
import { stopWithin } from './stop-within.ts';

/** At this level an app says something as soon as it is at work. */
export const TALKATIVE = { LOG_LEVEL: 'debug' };

/** Stops an app at a random moment, from its first word to well after it is ready. */
export async function stopAtRandomMoment(app: AppProcess, random: RandomSource): Promise<void> {
  // Before that, Node.js is still reading the program, and nothing is there to be stopped.
  await app.says(/./);
  await delay(random.below(1_500));
  await stopWithin(app);
}
