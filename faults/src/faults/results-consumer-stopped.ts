import type { Fault } from '../fault.ts';
import { stopAtRandomMoment, TALKATIVE } from '../stopped-at-random.ts';

export const resultsConsumerStopped: Fault = {
  name: 'results-consumer-stopped',
  title: 'SIGTERM of the results consumer at random moments: exit 0 within 10 s',
  rounds: 100,
  seconds: { round: 0.8, fixed: 10 },
  async run({ rounds, random, startApp, startAggregator, keepWriting, recover }) {
    const aggregator = startAggregator();
    await aggregator.ready();
    keepWriting(100);
    let left = rounds;
    const stopOneAfterTheOther = async () => {
      for (; left > 0; left--)
        await stopAtRandomMoment(
          startApp('results-consumer', [left % 2 === 0 ? 'follow' : 'clicks'], TALKATIVE),
          random,
        );
    };
    await Promise.all([stopOneAfterTheOther(), stopOneAfterTheOther(), stopOneAfterTheOther()]);
    await recover(aggregator);
  },
};
