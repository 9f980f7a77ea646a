import assert from 'node:assert/strict';
import type { Fault } from '../fault.ts';

/** Longer than the transaction time-out of 30 s. */
const SILENT_MS = 45_000;
/** What was answered before it fell silent may still be under way. */
const UNDER_WAY_MS = 2_000;
const BEFORE_MS = 5_000;

export const brokerSilent: Fault = {
  name: 'broker-silent',
  title: 'SIGSTOP of the broker for 45 s, longer than the transaction time-out',
  kafka: {},
  seconds: { round: 60, fixed: 10 },
  async run({ pause, rounds, broker, load, startAggregator, keepWriting, recover }) {
    const aggregator = startAggregator();
    await aggregator.ready();
    keepWriting(300);
    for (let round = 0; round < rounds; round++) {
      await pause(BEFORE_MS);
      broker.pause();
      await pause(UNDER_WAY_MS);
      const { written } = load;
      await pause(SILENT_MS - UNDER_WAY_MS);
      assert.equal(load.written, written, 'the broker was not silent');
      broker.resume();
      await recover(aggregator);
    }
  },
};
