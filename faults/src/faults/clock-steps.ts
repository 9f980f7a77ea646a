import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { findFreePort } from '@clickstream/local-kafka';
import type { Fault } from '../fault.ts';
import { readMetrics } from '../read-metrics.ts';

const STEP_CLOCK = fileURLToPath(new URL('../step-clock.ts', import.meta.url));
/** Past the session time-out: whoever sends no heartbeat for so long has lost its seat. */
const WATCHED_MS = 12_000;

export const clockSteps: Fault = {
  name: 'clock-steps',
  title: "the aggregator's clock steps by +2 h and by −1 day",
  // A segment of the results that begins 2 h later is reason for the cleaner to remove totals from the one before.
  emit: 'coalesced',
  rounds: 3,
  seconds: { round: 15, fixed: 10 },
  async run({ pause, rounds, startAggregator, keepWriting, recover }) {
    const healthPort = await findFreePort();
    const aggregator = startAggregator({
      nodeOptions: ['--import', STEP_CLOCK],
      environment: { HEALTH_PORT: String(healthPort) },
    });
    await aggregator.ready();
    keepWriting(300);
    for (let round = 0; round < rounds; round++) {
      aggregator.kill('SIGUSR2');
      await aggregator.says(new RegExp(`(the clock steps by[^]*){${round + 1}}`));
      await pause(WATCHED_MS);
      await recover(aggregator);
    }
    assert.deepEqual(await readMetrics(healthPort, 'clickstream_restarts_total'), new Map());
    // The seat is held as well: a newcomer gets its share, and not everything.
    await startAggregator().says(/\(2 of 4 partitions\)/);
    await recover(aggregator);
  },
};
