import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { API_KEY } from '@clickstream/local-kafka';
import type { Fault } from '../fault.ts';

const NODES = 3;
const WAYS = ['request', 'response'] as const;
const SLOW_MS = 1_000;

export const leaderFailsFast: Fault = {
  name: 'leader-fails-fast',
  title: 'of the leaders that one send goes to, one resets the connection and another answers late',
  kafka: { nodes: NODES },
  rounds: 10,
  fewestRounds: WAYS.length,
  seconds: { round: 6, fixed: 30 },
  async run({ pause, rounds, random, cluster, startAggregator, keepWriting, recover }) {
    const aggregator = startAggregator();
    await aggregator.ready();
    keepWriting(200);
    for (let round = 0; round < rounds; round++) {
      const failing = cluster.nodes[random.below(NODES)];
      const way = WAYS[round % WAYS.length] ?? 'request';
      let late = 0;
      const slow = cluster.nodes
        .filter((node) => node !== failing)
        .map(({ proxy }) =>
          proxy.intercept('response', async ({ apiKey }) => {
            if (apiKey !== API_KEY.produce) return undefined;
            await delay(SLOW_MS);
            late++;
            return undefined;
          }),
        );
      await new Promise<void>((resolve) => {
        const stop = failing?.proxy.intercept(way, ({ apiKey }) => {
          if (apiKey !== API_KEY.produce) return undefined;
          stop?.();
          resolve();
          return 'reset';
        });
      });
      const lateBefore = late;
      // The answers of the others are still under way, and it is what comes of them that is to be seen.
      await pause(2 * SLOW_MS);
      for (const stop of slow) stop();
      assert.ok(late > lateBefore, 'no other leader answered late');
      await recover(aggregator);
    }
  },
};
