import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { administer } from '../administer.ts';
import type { Fault } from '../fault.ts';

/** It goes on with the partitions that it knows at least so long. */
const WATCHED_MS = 10_000;

export const partitionsAdded: Fault = {
  name: 'partitions-added',
  title: 'partitions are added while it runs: it refuses when it is started again, at the latest',
  ends: 'refused',
  seconds: { round: 25, fixed: 5 },
  async run({ topics, load, startAggregator, recover }) {
    const aggregator = startAggregator();
    await load.write(500);
    await recover(aggregator);
    await administer(topics, 'kafka-topics', ['--alter', '--topic', topics.clicks, '--partitions', '6']);
    await Promise.race([aggregator.ended, delay(WATCHED_MS)]);
    aggregator.kill('SIGTERM');
    await aggregator.ended;
    const { exitCode, stderr } = await startAggregator().ended;
    assert.equal(exitCode, 1, stderr);
    assert.match(stderr, /has 4 partitions and .* has 6/);
  },
};
