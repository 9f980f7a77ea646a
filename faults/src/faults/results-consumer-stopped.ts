import type { Fault } from '../fault.ts';
import { stopAtRandomMoments } from '../stopped-at-random.ts';

const COMMANDS = ['follow', 'clicks', 'verify'];
/** 2 is a verification that was stopped before it was done. */
const EXIT_CODES = [0, 2];

export const resultsConsumerStopped: Fault = {
  name: 'results-consumer-stopped',
  title: 'SIGTERM of the results consumer at random moments: ends within 10 s',
  rounds: 100,
  fewestRounds: COMMANDS.length,
  seconds: { round: 1, fixed: 10 },
  async run({ rounds, random, startApp, startAggregator, keepWriting, recover }) {
    const aggregator = startAggregator();
    await aggregator.ready();
    keepWriting(100);
    for (const command of COMMANDS)
      await stopAtRandomMoments({
        rounds: Math.ceil(rounds / COMMANDS.length),
        atOnce: 4,
        random,
        start: () => startApp('results-consumer', [command]),
        ...(command === 'verify' && { exitCodes: EXIT_CODES }),
      });
    await recover(aggregator);
  },
};
