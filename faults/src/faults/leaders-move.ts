import assert from 'node:assert/strict';
import { administer } from '../administer.ts';
import { endCleanly } from '../end-cleanly.ts';
import type { Fault } from '../fault.ts';
import { ledBy } from '../led-by.ts';
import { untilInSync } from '../until-in-sync.ts';

const NODES = 3;

export const leadersMove: Fault = {
  name: 'leaders-move',
  title: 'leaders and coordinators move from node to node, and back',
  // Nobody else is to move them back.
  kafka: { nodes: NODES, config: { 'auto.leader.rebalance.enable': 'false' } },
  rounds: NODES,
  fewestRounds: NODES,
  seconds: { round: 30, fixed: 30 },
  async run({ rounds, cluster, topics, startAggregator, keepWriting, recover }) {
    const aggregator = startAggregator();
    await aggregator.ready();
    keepWriting(200);
    /** How many leaders of each topic were to move; coordinators are leaders of Kafka's own topics. */
    const moved = new Map<string, number>();
    for (let round = 0; round < rounds; round++) {
      // A clean stop hands over all that it leads first.
      const node = cluster.nodes[round % cluster.nodes.length];
      assert(node);
      const led = await ledBy(topics, node.id);
      await endCleanly(node);
      await node.restart();
      await recover(aggregator);
      await untilInSync(topics);
      const left = await ledBy(topics, node.id);
      await administer(topics, 'kafka-leader-election', [
        '--election-type',
        'preferred',
        '--all-topic-partitions',
      ]);
      const back = await ledBy(topics, node.id);
      for (const [topic, partitions] of Object.entries(led)) {
        moved.set(topic, (moved.get(topic) ?? 0) + partitions);
        // A topic of few partitions has nodes that lead none of it.
        if (partitions === 0) continue;
        assert.ok((left[topic] ?? 0) < partitions, `no leader of ${topic} has moved from node ${node.id}`);
        assert.ok(
          (back[topic] ?? 0) > (left[topic] ?? 0),
          `no leader of ${topic} has moved back to node ${node.id}`,
        );
      }
      await recover(aggregator);
    }
    if (rounds < NODES) return;
    for (const [topic, leaders] of moved) assert.ok(leaders > 0, `no node was the leader of any ${topic}`);
  },
};
