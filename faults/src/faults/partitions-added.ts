import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createRecordProducer } from '@clickstream/kafka-client';
import { assertVerified, untilAllRead } from '@clickstream/test-harness';
import { administer } from '../administer.ts';
import type { Fault } from '../fault.ts';
import { refused } from '../refused.ts';
import { stopWithin } from '../stop-within.ts';

const PARTITIONS = 6;
/** Clicks in each new partition. */
const UNREAD = 50;
const UNVERIFIED = /^Error: verify ended with [12]:/;

export const partitionsAdded: Fault = {
  name: 'partitions-added',
  title: 'partitions are added under running aggregators: they refuse once the group shares out anew',
  ends: 'refused',
  isOnce: true,
  seconds: { round: 40, fixed: 5 },
  async run({ folder, topics, load, startAggregator, recover }) {
    const [leaving, staying] = [startAggregator(), startAggregator()];
    await Promise.all([leaving.ready(), staying.ready()]);
    await load.write(500);
    await recover(staying);
    await administer(topics, 'kafka-topics', [
      '--alter',
      '--topic',
      topics.clicks,
      '--partitions',
      String(PARTITIONS),
    ]);
    // Nobody reads the new partitions yet.
    const { clicks: topic, connection, log } = topics;
    const producer = await createRecordProducer([topic], { connection, log });
    topics.atEnd(() => producer.close());
    const added = Array.from(
      { length: PARTITIONS - topics.partitions },
      (_, index) => topics.partitions + index,
    );
    const unread = { topic, key: null, value: Buffer.from(`User ${topics.id}-added clicked on / at 1`) };
    for (const partition of added)
      for (let each = 0; each < UNREAD; each++) await producer.send({ ...unread, partition });
    // To the partitions that the writer knows: they are counted on as before.
    await load.write(500);
    await recover(staying);
    await untilAllRead(topics, load.written, staying);
    await stopWithin(leaving);
    await refused(staying, /had 4 partitions when this process started, and was given more/);
    await refused(startAggregator(), /has 4 partitions and .* has 6/);
    await refused(startAggregator({ args: ['--accept-loss'] }), /has 4 partitions and .* has 6/);
    // What is not counted is missed, and not in silence: whoever recounts is told as well.
    await assert.rejects(assertVerified(topics), UNVERIFIED);
    // So that what follows is about the clicks that can be counted.
    const file = join(folder, 'offsets.json');
    const partitions = added.map((partition) => ({ topic, partition, offset: UNREAD }));
    writeFileSync(file, JSON.stringify({ version: 1, partitions }));
    await administer(topics, 'kafka-delete-records', ['--offset-json-file', file]);
  },
};
