import type { Fault } from '../fault.ts';
import { untilInSync } from '../until-in-sync.ts';

const NODES = 3;

export const nodesKilled: Fault = {
  name: 'nodes-killed',
  title: 'rolling `kill -9` of three nodes, with three replicas of which two must be in sync',
  kafka: { nodes: NODES },
  rounds: NODES,
  fewestRounds: NODES,
  seconds: { round: 35, fixed: 30 },
  async run({ pause, rounds, cluster, topics, startAggregator, keepWriting, recover }) {
    const aggregator = startAggregator();
    await aggregator.ready();
    keepWriting(200);
    for (let round = 0; round < rounds; round++) {
      const node = cluster.nodes[round % cluster.nodes.length];
      await node?.kill();
      await recover(aggregator);
      await pause(2_000);
      await node?.restart();
      await untilInSync(topics);
      await recover(aggregator);
    }
  },
};
