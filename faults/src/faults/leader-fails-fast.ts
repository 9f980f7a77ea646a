import { setTimeout as delay } from 'node:timers/promises';
import { API_KEY } from '@clickstream/local-kafka';
import type { Fault } from '../fault.ts';

const SLOW_MS = 1_000;

export const leaderFailsFast: Fault = {
  name: 'leader-fails-fast',
  title: 'of the leaders that one send goes to, one resets the connection and another answers late',
  kafka: { nodes: 3 },
  rounds: 10,
  fewestRounds: 2,
  seconds: { round: 5, fixed: 30 },
  async run({ rounds, random, cluster, startAggregator, keepWriting, recover }) {
    const aggregator = startAggregator();
    await aggregator.ready();
    keepWriting(200);
    for (let round = 0; round < rounds; round++) {
      const failing = random.below(3);
      const way = random.below(2) === 0 ? 'request' : 'response';
      const undo = cluster.nodes.map(({ proxy }, index) =>
        index === failing
          ? undefined
          : proxy.intercept('response', async ({ apiKey }) => {
              if (apiKey === API_KEY.produce) await delay(SLOW_MS);
              return undefined;
            }),
      );
      await new Promise<void>((resolve) => {
        const stop = cluster.nodes[failing]?.proxy.intercept(way, ({ apiKey }) => {
          if (apiKey !== API_KEY.produce) return undefined;
          stop?.();
          resolve();
          return 'reset';
        });
      });
      for (const stop of undo) stop?.();
      await recover(aggregator);
    }
  },
};
