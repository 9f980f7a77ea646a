import assert from 'node:assert/strict';
import type { Fault } from '../fault.ts';
import { SAME_SEAT } from '../seats.ts';

export const oneSeatForTwo: Fault = {
  name: 'one-seat-for-two',
  title: 'a second process with the same INSTANCE_ID',
  rounds: 5,
  seconds: { round: 5, fixed: 5 },
  async run({ pause, rounds, random, startAggregator, keepWriting, recover }) {
    keepWriting(300);
    let older = startAggregator({ environment: SAME_SEAT });
    await older.ready();
    for (let round = 0; round < rounds; round++) {
      await pause(random.below(1_000));
      const newer = startAggregator({ environment: SAME_SEAT });
      const { exitCode, stderr } = await older.ended;
      assert.equal(exitCode, 1, stderr);
      assert.match(stderr, /^another process has joined .* with INSTANCE_ID one: this one ends$/m);
      await recover(newer);
      older = newer;
    }
  },
};
