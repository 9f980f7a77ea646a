import { CRASH_POINTS } from '@clickstream/kafka-client';
import type { Fault } from '../fault.ts';
import { stopWithin } from '../stop-within.ts';

/** Those that come in transactions of any size. */
const MOMENTS = CRASH_POINTS.filter((at) => at !== 'after-send');

export const zombieWakesUp: Fault = {
  name: 'zombie-wakes-up',
  title: 'SIGSTOP at each named moment, and SIGCONT when another instance has taken over',
  rounds: MOMENTS.length,
  fewestRounds: MOMENTS.length,
  seconds: { round: 22, fixed: 10 },
  async run({ rounds, load, startAggregator, keepWriting, recover }) {
    await load.write(500);
    for (let round = 0; round < rounds; round++) {
      const first = startAggregator();
      await recover(first);
      await stopWithin(first);
      const stopWriting = keepWriting(200);
      const at = MOMENTS[round % MOMENTS.length] ?? 'after-commit';
      const zombie = startAggregator({ crash: { at, count: 2, signal: 'SIGSTOP' } });
      await zombie.stopped();
      const successor = startAggregator();
      // The group waits for the zombie until its session is over.
      await recover(successor);
      zombie.kill('SIGCONT');
      await zombie.ready();
      await recover(successor);
      await stopWriting();
      await Promise.all([stopWithin(zombie), stopWithin(successor)]);
    }
  },
};
