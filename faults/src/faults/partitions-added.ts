import { untilAllRead } from '@clickstream/test-harness';
import { administer } from '../administer.ts';
import type { Fault } from '../fault.ts';
import { refused } from '../refused.ts';
import { stopWithin } from '../stop-within.ts';

export const partitionsAdded: Fault = {
  name: 'partitions-added',
  title: 'partitions are added under running aggregators: they refuse once the group shares out anew',
  ends: 'refused',
  seconds: { round: 40, fixed: 5 },
  async run({ topics, load, startAggregator, recover }) {
    const [leaving, staying] = [startAggregator(), startAggregator()];
    await Promise.all([leaving.ready(), staying.ready()]);
    await load.write(500);
    await recover(staying);
    await administer(topics, 'kafka-topics', ['--alter', '--topic', topics.clicks, '--partitions', '6']);
    // To the partitions that the writer knows: they are counted on as before.
    await load.write(500);
    await recover(staying);
    await untilAllRead(topics, load.written, staying);
    await stopWithin(leaving);
    await refused(staying, /had 4 partitions when this process started, and was given more/);
    await refused(startAggregator(), /has 4 partitions and .* has 6/);
    await refused(startAggregator({ args: ['--accept-loss'] }), /has 4 partitions and .* has 6/);
  },
};
