import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { findFreePort } from '@clickstream/local-kafka';
import { assertBooks, untilAllClosed } from '@clickstream/test-harness';
import type { Fault } from '../fault.ts';
import { LIVELY_ENVIRONMENT } from '../lively.ts';
import { openWindows } from '../open-windows.ts';
import { readMetrics } from '../read-metrics.ts';
import { stopWithin } from '../stop-within.ts';

const STEP_CLOCK = fileURLToPath(new URL('../step-clock.ts', import.meta.url));
/** Past the session time-out: whoever sends no heartbeat for so long has lost its seat. */
const WATCHED_MS = 12_000;
const GRACE_MS = 5_000;
/** Longer than idle time takes to close all there is. */
const CLOSING_MS = 12_000;

export const clockSteps: Fault = {
  name: 'clock-steps',
  title: "the aggregator's clock steps by +2 h and by −1 day, with clicks of now",
  // A segment of the results that begins 2 h later is reason for the cleaner to remove totals from the one before.
  emit: 'coalesced',
  pace: 'plain',
  load: { eventTime: () => Date.now() },
  environment: { ...LIVELY_ENVIRONMENT, GRACE_MS: String(GRACE_MS) },
  rounds: 2,
  fewestRounds: 2,
  seconds: { round: 28, fixed: 15 },
  async run({ pause, rounds, topics, load, startAggregator, keepWriting, recover }) {
    const healthPort = await findFreePort();
    const aggregator = startAggregator({
      nodeOptions: ['--import', STEP_CLOCK],
      environment: { HEALTH_PORT: String(healthPort) },
    });
    await aggregator.ready();
    for (let round = 0; round < rounds; round++) {
      const stopWriting = keepWriting(300);
      await pause(1_000);
      aggregator.kill('SIGUSR2');
      await aggregator.says(new RegExp(`(the clock steps by[^]*){${round + 1}}`));
      await pause(WATCHED_MS);
      await stopWriting();
      await recover(aggregator);
      // Idle time closes windows, by as much as has passed and never beyond the clock on the wall: not at all while the clicks
      // are ahead of it.
      if (round % 2 === 0) await untilAllClosed(topics, load.written, aggregator);
      else {
        await pause(CLOSING_MS);
        assert.ok((await openWindows(healthPort)) > 0, 'windows closed ahead of the wall clock');
      }
    }
    assert.deepEqual(await readMetrics(healthPort, 'clickstream_restarts_total'), new Map());
    // The seat is held as well: a newcomer gets its share, and not everything.
    const newcomer = startAggregator();
    await newcomer.says(/\(2 of 4 partitions\)/);
    await load.write(500);
    await recover(aggregator);
    await stopWithin(aggregator);
    await untilAllClosed(topics, load.written, newcomer);
    const { late, missed, rejected } = await assertBooks(topics, load.written);
    assert.deepEqual({ late, missed, rejected }, { late: 0, missed: 0, rejected: load.malformed });
  },
};
