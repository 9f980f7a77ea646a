import assert from 'node:assert/strict';
import type { Fault } from '../fault.ts';

const NODES = 3;
/** Longer than a task may fail again and again for reasons of its own. */
const CUT_MS = 25_000;

export const nodeCutOff: Fault = {
  name: 'node-cut-off',
  title: 'one node of three is cut off from the aggregator only',
  kafka: { nodes: NODES },
  rounds: NODES,
  fewestRounds: NODES,
  seconds: { round: 35, fixed: 30 },
  async run({ pause, rounds, cluster, startAggregator, keepWriting, recover }) {
    const aggregator = startAggregator();
    await aggregator.ready();
    keepWriting(200);
    for (let round = 0; round < rounds; round++) {
      const proxy = cluster.nodes[round % cluster.nodes.length]?.proxy;
      assert(proxy);
      const { reset } = proxy.tally;
      proxy.cut();
      await pause(CUT_MS);
      proxy.mend();
      assert.ok(proxy.tally.reset > reset, 'the aggregator had nothing to do with that node');
      await recover(aggregator);
    }
  },
};
