import { setTimeout as delay } from 'node:timers/promises';
import type { Fault } from '../fault.ts';

const CUT_MS = 15_000;

export const nodeCutOff: Fault = {
  name: 'node-cut-off',
  title: 'one node of three is cut off from the aggregator only',
  kafka: { nodes: 3 },
  rounds: 3,
  seconds: { round: 25, fixed: 30 },
  async run({ rounds, cluster, startAggregator, keepWriting, recover }) {
    const aggregator = startAggregator();
    await aggregator.ready();
    keepWriting(200);
    for (let round = 0; round < rounds; round++) {
      const proxy = cluster.nodes[round % cluster.nodes.length]?.proxy;
      proxy?.cut();
      await delay(CUT_MS);
      proxy?.mend();
      await recover(aggregator);
    }
  },
};
