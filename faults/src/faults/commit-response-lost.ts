import { API_KEY } from '@clickstream/local-kafka';
import type { Fault } from '../fault.ts';

export const commitResponseLost: Fault = {
  name: 'commit-response-lost',
  title: 'the response to a commit is lost',
  kafka: { nodes: 1 },
  rounds: 10,
  seconds: { round: 2, fixed: 5 },
  async run({ rounds, random, proxy, startAggregator, keepWriting, recover }) {
    const aggregator = startAggregator();
    await aggregator.ready();
    keepWriting(300);
    for (let round = 0; round < rounds; round++) {
      let skipped = random.below(20);
      await new Promise<void>((resolve) => {
        const stop = proxy.intercept('response', ({ apiKey }) => {
          if (apiKey !== API_KEY.endTxn || skipped-- > 0) return undefined;
          stop();
          resolve();
          return 'reset';
        });
      });
      await recover(aggregator);
    }
  },
};
