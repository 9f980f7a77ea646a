import type { Fault } from '../fault.ts';
import { administer } from '../administer.ts';
import { untilInSync } from '../until-in-sync.ts';

const NODES = 3;

export const leadersMove: Fault = {
  name: 'leaders-move',
  title: 'leaders and coordinators move from node to node, and back',
  kafka: { nodes: NODES },
  rounds: NODES,
  fewestRounds: NODES,
  seconds: { round: 30, fixed: 30 },
  async run({ rounds, cluster, topics, startAggregator, keepWriting, recover }) {
    const aggregator = startAggregator();
    await aggregator.ready();
    keepWriting(200);
    for (let round = 0; round < rounds; round++) {
      // A clean stop hands over all that it leads first.
      await cluster.nodes[round % cluster.nodes.length]?.restart();
      await recover(aggregator);
      await untilInSync(topics);
      await administer(topics, 'kafka-leader-election', [
        '--election-type',
        'preferred',
        '--all-topic-partitions',
      ]);
      await recover(aggregator);
    }
  },
};
