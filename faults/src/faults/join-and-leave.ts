import assert from 'node:assert/strict';
import type { Fault } from '../fault.ts';
import { stopWithin } from '../stop-within.ts';

const PAUSE_MS = 3_000;
const MOST_INSTANCES = 4;

export const joinAndLeave: Fault = {
  name: 'join-and-leave',
  title: 'an instance joins or leaves every 3 s',
  rounds: 40,
  fewestRounds: 2 * MOST_INSTANCES,
  // Ids are forgotten while it runs, but none of a click whose forwarder is behind: on a busy machine that was 70 s, and then a
  // repetition counts, as the aggregator's README says.
  environment: { DEDUPLICATION_HORIZON_MS: '120000' },
  seconds: { round: 3, fixed: 10 },
  async run({ pause, rounds, random, startAggregator, keepWriting, recover }) {
    const first = startAggregator();
    await first.ready();
    const instances = [first];
    const leaving: Promise<void>[] = [];
    keepWriting(300);
    for (let round = 0; round < rounds; round++) {
      const joins = instances.length < 2 || (instances.length < MOST_INSTANCES && random.below(2) === 0);
      if (joins) instances.push(startAggregator());
      else
        for (const instance of instances.splice(random.below(instances.length), 1)) {
          await instance.ready();
          const left = stopWithin(instance);
          left.catch(() => undefined); // thrown when all have left
          leaving.push(left);
        }
      await pause(PAUSE_MS);
    }
    await Promise.all(leaving);
    for (const { hasEnded, stderr } of instances)
      assert.ok(!hasEnded, `an instance ended by itself:\n${stderr}`);
    await recover();
  },
};
