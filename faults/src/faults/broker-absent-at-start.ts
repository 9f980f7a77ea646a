import assert from 'node:assert/strict';
import type { Fault } from '../fault.ts';
import { supervise } from '../supervise.ts';

const ABSENT_MS = 60_000;

export const brokerAbsentAtStart: Fault = {
  name: 'broker-absent-at-start',
  title: 'the broker comes 60 s after the apps, which a supervisor starts again',
  kafka: {},
  seconds: { round: 80, fixed: 5 },
  async run({ pause, rounds, broker, load, signal, startAggregator, recover }) {
    for (let round = 0; round < rounds; round++) {
      await load.write(500);
      await broker.kill();
      const supervised = supervise(() => startAggregator(), signal);
      await pause(ABSENT_MS);
      await broker.restart();
      const aggregator = await supervised.ready;
      assert.ok(supervised.restarts > 0, 'the app was started once, and waited all the time');
      await load.write(500);
      await recover(aggregator);
    }
  },
};
