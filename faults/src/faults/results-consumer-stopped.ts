import assert from 'node:assert/strict';
import type { AppProcess } from '@clickstream/test-harness';
import { dashboardAddress } from '../dashboard-address.ts';
import type { Fault } from '../fault.ts';
import { stopAtRandomMoments, untilConnected } from '../stopped-at-random.ts';

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
        start: () => startApp('results-consumer', [command], ANY_PORT),
        // Every other dashboard has a page open, the others may be at their start.
        begun: async (app, round) => {
          if (command !== 'serve' || round % 2 === 1) return untilConnected(app);
          await openPage(app);
          pages++;
        },
        ...(command === 'verify' && { exitCodes: EXIT_CODES }),
      });
    assert.ok(pages > 0, 'no page was open');
    report(`${pages} open pages`);
    await recover(aggregator);
  },
};

/** Opens the stream that a page reads, and reads it to its end. Resolves once it has begun. */
async function openPage(app: AppProcess): Promise<void> {
  const { ok, body } = await fetch(`${await dashboardAddress(app)}/api/stream`);
  assert.ok(ok && body, 'there is no stream');
  const stream = body.getReader();
  assert.ok(!(await stream.read()).done, 'the stream is empty');
  const readOn = async () => {
    while (!(await stream.read()).done);
  };
  readOn().catch(() => undefined); // it ends with the app
}
