import { CRASH_POINTS } from '@clickstream/kafka-client';
import type { Fault } from '../fault.ts';
import { LARGE_TRANSACTION, LARGE_TRANSACTION_ENVIRONMENT } from '../large-transaction.ts';
import { stopWithin } from '../stop-within.ts';

export const zombieWakesUp: Fault = {
  name: 'zombie-wakes-up',
  title: 'SIGSTOP at each named moment, and SIGCONT when another instance has taken over',
  rounds: CRASH_POINTS.length,
  fewestRounds: CRASH_POINTS.length,
  load: { urlBytes: LARGE_TRANSACTION.urlBytes },
  seconds: { round: 22, fixed: 10 },
  async run({ rounds, load, startAggregator, keepWriting, recover }) {
    await load.write(500);
    for (let round = 0; round < rounds; round++) {
      const first = startAggregator();
      await recover(first);
      await stopWithin(first);
      const stopWriting = keepWriting(200);
      const at = CRASH_POINTS[round % CRASH_POINTS.length] ?? 'after-commit';
      // Only between two requests of one transaction is there a moment after the first.
      const isLarge = at === 'after-send';
      if (isLarge) await load.write(LARGE_TRANSACTION.records);
      const zombie = startAggregator({
        crash: { at, count: isLarge ? 1 : 2, signal: 'SIGSTOP' },
        ...(isLarge && { environment: LARGE_TRANSACTION_ENVIRONMENT }),
      });
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
