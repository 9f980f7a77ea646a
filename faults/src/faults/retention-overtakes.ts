import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { administer } from '../administer.ts';
import type { Fault } from '../fault.ts';
import { stopWithin } from '../stop-within.ts';

export const retentionOvertakes: Fault = {
  name: 'retention-overtakes',
  title: 'clicks are removed before they were counted: it refuses',
  ends: 'refused',
  seconds: { round: 10, fixed: 5 },
  async run({ folder, topics, load, startAggregator, recover }) {
    await load.write(500);
    const aggregator = startAggregator();
    await recover(aggregator);
    await stopWithin(aggregator);
    await load.write(500);
    const ends = await topics.reader.endOffsets(topics.clicks);
    const file = join(folder, 'offsets.json');
    const partitions = ends.map((end, partition) => ({
      topic: topics.clicks,
      partition,
      offset: Number(end),
    }));
    writeFileSync(file, JSON.stringify({ version: 1, partitions }));
    await administer(topics, 'kafka-delete-records', ['--offset-json-file', file]);
    const { exitCode, stderr } = await startAggregator().ended;
    assert.equal(exitCode, 1, stderr);
    assert.match(stderr, /begins at offset \d+ and was read up to \d+.*--accept-loss/);
  },
};
