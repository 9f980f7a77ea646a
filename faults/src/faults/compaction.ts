import assert from 'node:assert/strict';
import { findFreePort } from '@clickstream/local-kafka';
import { readCommitted, type TestTopics } from '@clickstream/test-harness';
import { alterTopic } from '../administer.ts';
import type { Fault } from '../fault.ts';
import { openWindows } from '../open-windows.ts';
import { readMetrics } from '../read-metrics.ts';
import { stopWithin } from '../stop-within.ts';

/** What may be left beside the newest record of each key, as a share of all that was written: it is in the newest segments. */
const MOST_REPEATED = 0.1;
const FEWEST_WRITTEN = 1_000;
const COMPACT_SOON = { 'segment.ms': 500, 'min.cleanable.dirty.ratio': 0.001, 'max.compaction.lag.ms': 500 };

export const compaction: Fault = {
  name: 'compaction',
  title: 'results and checkpoints are compacted, then all state is restored from what is left',
  kafka: { config: { 'log.cleaner.backoff.ms': '200' } },
  emit: 'coalesced',
  // Windows and sessions are to be open when it stops.
  environment: { IDLE_TIMEOUT_MS: '60000' },
  seconds: { round: 25, fixed: 10 },
  async run({ pause, rounds, topics, load, startAggregator, keepWriting, recover, note }) {
    const healthPort = await findFreePort();
    const start = () => startAggregator({ environment: { HEALTH_PORT: String(healthPort) } });
    let aggregator = start();
    await aggregator.ready();
    const compacted = [topics.totals, topics.pages, topics.sessions, topics.checkpoint];
    for (const topic of compacted) await alterTopic(topics, topic, COMPACT_SOON);
    for (let round = 0; round < rounds; round++) {
      // The newest segment is never compacted, and a new one begins only when something is written.
      const stopWriting = keepWriting(200);
      for (const topic of compacted) while (!(await isCompacted(topics, topic, note))) await pause(500);
      await stopWriting();
      await recover(aggregator);
      // Others see a commit before the answer to it has come, which the metrics wait for.
      await pause(1_000);
      assert.ok((await openWindows(healthPort)) > 0, 'no window is open');
      const live = await rememberedIds(healthPort);
      await stopWithin(aggregator);
      aggregator = start();
      await aggregator.ready();
      // The engine refuses to run when the sums over what it has restored are not those of the checkpoint. Ids are in no
      // checkpoint: each process tells how many it has in memory itself.
      assert.deepEqual(await rememberedIds(healthPort), live);
      // Each user's total, window and session goes on from what was restored, and all of them are recounted.
      await load.write(500);
      await recover(aggregator);
    }
  },
};

/** Whether nearly all that a topic holds are the newest records of their keys. */
async function isCompacted(
  topics: TestTopics,
  topic: string,
  note: (line: string) => void,
): Promise<boolean> {
  const keys = new Set<string>();
  let records = 0;
  for await (const record of readCommitted(topics, topic)) {
    const key = record.key();
    if (!key) continue;
    records++;
    keys.add(String(key));
  }
  const ends = await topics.reader.endOffsets(topic);
  const written = Number(ends.reduce((sum, end) => sum + end, 0n));
  note(`${topic}: ${records} records of ${keys.size} keys are left of ${written} offsets`);
  return written > FEWEST_WRITTEN && (records - keys.size) / written < MOST_REPEATED;
}

/** How many ids an aggregator remembers in each partition, as it counts them itself. */
async function rememberedIds(healthPort: number): Promise<Map<string, number>> {
  const sizes = await readMetrics(healthPort, 'clickstream_state_memory');
  return new Map([...sizes].filter(([labels]) => labels.includes('of="rememberedIds"')));
}
