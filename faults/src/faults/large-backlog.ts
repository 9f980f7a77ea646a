import assert from 'node:assert/strict';
import type { ClickLoad } from '@clickstream/test-harness';
import type { Fault } from '../fault.ts';
import { peakMemoryMb } from '../peak-memory.ts';

const CLICKS = 2_000_000;
const CLICKS_AT_ONCE = 20_000;
const HEAP_MB = 256;
const USERS = 5_000;
/** The heap, and what is fetched and written outside it: two batches of 4 MB for each of two inputs of 4 partitions. */
const MOST_MEMORY_MB = 640;

export const largeBacklog: Fault = {
  name: 'large-backlog',
  title: `a backlog of ${CLICKS.toLocaleString('en')} clicks, with a heap of ${HEAP_MB} MB`,
  seconds: { round: 300, fixed: 5 },
  // A window and a session for every few clicks would be another test.
  pace: 'plain',
  emit: 'coalesced',
  load: { users: USERS },
  async run({ rounds, load, startAggregator, recover, report }) {
    for (let round = 0; round < rounds; round++) {
      // Some of the records are no clicks.
      for (let left; (left = (round + 1) * CLICKS - clicksOf(load)) > 0;)
        await load.write(Math.min(CLICKS_AT_ONCE, left));
      const aggregator = startAggregator({ nodeOptions: [`--max-old-space-size=${HEAP_MB}`] });
      await recover(aggregator);
      const mostMb = peakMemoryMb(aggregator.pid);
      if (mostMb === undefined) continue;
      report(`${mostMb} MB at most`);
      assert.ok(mostMb <= MOST_MEMORY_MB, `the aggregator took ${mostMb} MB`);
    }
  },
};

function clicksOf({ answer }: ClickLoad): number {
  return [...answer.values()].reduce((sum, clicks) => sum + clicks, 0);
}
