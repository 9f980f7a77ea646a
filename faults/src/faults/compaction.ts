import assert from 'node:assert/strict';
import { findFreePort } from '@clickstream/local-kafka';
import { readCommitted } from '@clickstream/test-harness';
import { alterTopic } from '../administer.ts';
import type { Fault } from '../fault.ts';
import { readMetrics } from '../read-metrics.ts';
import { stopWithin } from '../stop-within.ts';

const COMPACT_SOON = { 'segment.ms': 500, 'min.cleanable.dirty.ratio': 0.001, 'max.compaction.lag.ms': 500 };

export const compaction: Fault = {
  name: 'compaction',
  title: 'results and checkpoints are compacted, then all state is restored from what is left',
  kafka: { config: { 'log.cleaner.backoff.ms': '200' } },
  emit: 'coalesced',
  seconds: { round: 25, fixed: 10 },
  async run({ pause, rounds, topics, startAggregator, keepWriting, recover, note }) {
    const healthPort = await findFreePort();
    const start = () => startAggregator({ environment: { HEALTH_PORT: String(healthPort) } });
    let aggregator = start();
    await aggregator.ready();
    for (const topic of [topics.totals, topics.checkpoint]) await alterTopic(topics, topic, COMPACT_SOON);
    for (let round = 0; round < rounds; round++) {
      // The newest segment is never compacted, and a new one begins only when something is written.
      const stopWriting = keepWriting(200);
      for (let isCompacted = false; !isCompacted;) {
        let records = 0;
        for await (const record of readCommitted(topics, topics.totals)) if (record.key()) records++;
        const ends = await topics.reader.endOffsets(topics.totals);
        const written = Number(ends.reduce((sum, end) => sum + end, 0n));
        await pause(500);
        note(`${records} results are left of ${written} offsets`);
        isCompacted = written > 1_000 && records < written / 4;
      }
      await stopWriting();
      await recover(aggregator);
      // Others see a commit before the answer to it has come, which the metrics wait for.
      await pause(1_000);
      const live = await readMetrics(healthPort, 'clickstream_state_sum');
      await stopWithin(aggregator);
      aggregator = start();
      await aggregator.ready();
      assert.ok(live.size > 0);
      assert.deepEqual(await readMetrics(healthPort, 'clickstream_state_sum'), live);
    }
  },
};
