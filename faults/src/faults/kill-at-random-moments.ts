import type { Fault } from '../fault.ts';
import { SAME_SEAT } from '../seats.ts';

/** Every so often it may catch up first. */
const CAUGHT_UP_EVERY = 10;

export const killAtRandomMoments: Fault = {
  name: 'kill-at-random-moments',
  title: '`kill -9` of the only instance at random moments',
  rounds: 50,
  fewestRounds: CAUGHT_UP_EVERY,
  seconds: { round: 2.5, fixed: 5 },
  async run({ pause, rounds, random, startAggregator, keepWriting, recover }) {
    keepWriting(300);
    for (let round = 0; round < rounds; round++) {
      const instance = startAggregator({ environment: SAME_SEAT });
      // Sometimes before it counts, sometimes after, and now and then when it has caught up.
      if (round % 3 > 0) await instance.ready();
      if (round % CAUGHT_UP_EVERY === CAUGHT_UP_EVERY - 1) await recover(instance);
      await pause(random.below(1_000));
      instance.kill('SIGKILL');
      await instance.ended;
    }
    await recover(startAggregator({ environment: SAME_SEAT }));
  },
};
