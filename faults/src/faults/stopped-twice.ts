import assert from 'node:assert/strict';
import type { Fault } from '../fault.ts';

/** Signals closer together than 1 s are one signal that was passed on twice. */
const SECOND_MS = 1_300;
const AT_ONCE_MS = 2_000;

export const stoppedTwice: Fault = {
  name: 'stopped-twice',
  title: 'SIGTERM twice: at once is as good as once, later ends it although the broker is silent',
  kafka: {},
  rounds: 4,
  fewestRounds: 2,
  seconds: { round: 8, fixed: 10 },
  async run({ pause, rounds, broker, startAggregator, keepWriting, recover }) {
    keepWriting(200);
    for (let round = 0; round < rounds; round++) {
      const aggregator = startAggregator();
      await recover(aggregator);
      if (round % 2 === 0) {
        aggregator.kill('SIGTERM');
        aggregator.kill('SIGTERM');
        const { exitCode, stderr } = await aggregator.ended;
        assert.equal(exitCode, 0, stderr);
        continue;
      }
      broker.pause();
      aggregator.kill('SIGTERM');
      await Promise.race([aggregator.ended, pause(SECOND_MS)]);
      aggregator.kill('SIGTERM');
      const isOver = await Promise.race([
        aggregator.ended.then(() => true),
        pause(AT_ONCE_MS).then(() => false),
      ]);
      broker.resume();
      assert.ok(isOver, 'a second SIGTERM did not end it');
      assert.equal((await aggregator.ended).exitCode, 1);
    }
  },
};
