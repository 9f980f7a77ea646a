import type { AppProcess } from '@clickstream/test-harness';
import type { Fault } from '../fault.ts';
import { stopAtRandomMoments } from '../stopped-at-random.ts';

/** `top` and `dead-letters` may have ended by themselves before they are told to. */
const COMMANDS = ['follow', 'clicks', 'verify', 'serve', 'top', 'dead-letters'];
/** 2 is a verification that was stopped before it was done. */
const EXIT_CODES = [0, 2];
const ANY_PORT = { DASHBOARD_PORT: '0' };

export const resultsConsumerStopped: Fault = {
  name: 'results-consumer-stopped',
  title: 'SIGTERM of the results consumer at random moments: ends within 10 s, also while a page is open',
  rounds: 100,
  fewestRounds: COMMANDS.length,
  seconds: { round: 1, fixed: 10 },
  async run({ rounds, random, startApp, startAggregator, keepWriting, recover, report }) {
    const aggregator = startAggregator();
    await aggregator.ready();
    keepWriting(100);
    let pages = 0;
    for (const command of COMMANDS)
      await stopAtRandomMoments({
        rounds: Math.ceil(rounds / COMMANDS.length),
        atOnce: 4,
        random,
        start: () => {
          const app = startApp('results-consumer', [command], ANY_PORT);
          if (command === 'serve') keepPageOpen(app, () => pages++).catch(() => undefined); // it ends with the app
          return app;
        },
        ...(command === 'verify' && { exitCodes: EXIT_CODES }),
      });
    report(`${pages} open pages`);
    await recover(aggregator);
  },
};

/** Reads the stream that a page reads, to its end. */
async function keepPageOpen(app: AppProcess, opened: () => void): Promise<void> {
  const address = (await app.says(/dashboard at \S+/)).split(' ').at(-1) ?? '';
  const response = await fetch(`${address}/api/stream`);
  opened();
  await response.text();
}
