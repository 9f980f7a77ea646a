import assert from 'node:assert/strict';
import type { Fault } from '../src/fault.ts';

export const brokerHiccups: Fault = {
  name: 'broker-hiccups',
  title: 'SIGSTOP of the broker for a second or two, again and again',
  // A broker of its own, since it is harmed. { nodes: 1 } puts a proxy before it, { nodes: 3 } is a cluster.
  kafka: {},
  rounds: 10,
  seconds: { round: 4, fixed: 5 },
  async run({ rounds, random, broker, load, pause, startAggregator, keepWriting, recover }) {
    const aggregator = startAggregator();
    await aggregator.ready();
    keepWriting(300);
    for (let round = 0; round < rounds; round++) {
      broker.pause();
      // What it has answered before may still be under way.
      await pause(500);
      const { written } = load;
      await pause(500 + random.below(1_000));
      assert.equal(load.written, written, 'the broker was not silent');
      broker.resume();
      await recover(aggregator);
    }
  },
};
