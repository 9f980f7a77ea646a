import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { administer } from '../administer.ts';
import type { Fault } from '../fault.ts';
import { refused } from '../refused.ts';

const OVERTAKEN = /begins at offset \d+ and was read up to \d+: retention removed clicks.*--accept-loss/;
const LOST = 100;
/** Longer than a fetch waits at the broker, so that none is under way. */
const FETCH_MS = 1_000;

export const retentionOvertakes: Fault = {
  name: 'retention-overtakes',
  title: 'clicks are removed before a running aggregator has read them: it refuses, `--accept-loss` goes on',
  isLossAccepted: true,
  // Nothing is repeated, since what was removed cannot be known any more.
  pace: 'plain',
  isOnce: true,
  seconds: { round: 25, fixed: 5 },
  async run({ pause, folder, topics, load, startAggregator, recover }) {
    const { clicks: topic, partitions, producer, reader } = topics;
    await load.write(500);
    const aggregator = startAggregator();
    await recover(aggregator);
    aggregator.kill('SIGSTOP');
    await aggregator.stopped();
    await pause(FETCH_MS);
    const lost = { topic, key: null, value: Buffer.from(`User ${topics.id}-lost clicked on / at 1`) };
    for (let each = 0; each < LOST; each++) await producer.send({ ...lost, partition: each % partitions });
    const ends = await reader.endOffsets(topic);
    const file = join(folder, 'offsets.json');
    writeFileSync(
      file,
      JSON.stringify({
        version: 1,
        partitions: ends.map((end, partition) => ({ topic, partition, offset: Number(end) })),
      }),
    );
    await administer(topics, 'kafka-delete-records', ['--offset-json-file', file]);
    aggregator.kill('SIGCONT');
    await refused(aggregator, OVERTAKEN);
    await load.write(500);
    await refused(startAggregator(), OVERTAKEN);
    await recover(startAggregator({ args: ['--accept-loss'] }));
  },
};
