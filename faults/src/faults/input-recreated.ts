import assert from 'node:assert/strict';
import { administer } from '../administer.ts';
import type { Fault } from '../fault.ts';
import { stopWithin } from '../stop-within.ts';

export const inputRecreated: Fault = {
  name: 'input-recreated',
  title: 'the click topic is deleted and made anew: it refuses',
  ends: 'refused',
  seconds: { round: 10, fixed: 5 },
  async run({ topics, load, startAggregator, recover }) {
    const { clicks, partitions } = topics;
    await load.write(500);
    const aggregator = startAggregator();
    await recover(aggregator);
    await stopWithin(aggregator);
    await administer(topics, 'kafka-topics', ['--delete', '--topic', clicks]);
    await administer(topics, 'kafka-topics', [
      ...['--create', '--topic', clicks, '--partitions', String(partitions)],
    ]);
    const { exitCode, stderr } = await startAggregator().ended;
    assert.equal(exitCode, 1, stderr);
    assert.match(stderr, /ends at offset 0 and was read up to \d+.*--accept-loss/);
  },
};
