import assert from 'node:assert/strict';
import type { Fault } from '../fault.ts';

/** Every so often the other one takes over. */
const TAKEN_OVER_EVERY = 5;

export const killOneOfTwo: Fault = {
  name: 'kill-one-of-two',
  title: '`kill -9` of one of two instances at random moments; now and then the other takes over',
  rounds: 25,
  fewestRounds: TAKEN_OVER_EVERY,
  seconds: { round: 4, fixed: 5 },
  async run({ pause, rounds, random, startAggregator, keepWriting, recover }) {
    const start = (seat: number) => startAggregator({ environment: { INSTANCE_ID: `seat-${seat}` } });
    const instances = [start(0), start(1)] as const;
    const current = [...instances];
    await Promise.all(instances.map((instance) => instance.ready()));
    keepWriting(300);
    for (let round = 0; round < rounds; round++) {
      const seat = random.below(2);
      await pause(random.below(1_500));
      for (const { hasEnded, stderr } of current)
        assert.ok(!hasEnded, `an instance ended by itself:\n${stderr}`);
      current[seat]?.kill('SIGKILL');
      await current[seat]?.ended;
      // Past its session time-out, which is when the other one gets its partitions.
      if (round % TAKEN_OVER_EVERY === TAKEN_OVER_EVERY - 1) await recover(current[1 - seat]);
      current[seat] = start(seat);
      if (round % 2 === 0) await current[seat].ready();
    }
    await recover();
  },
};
