import { administer } from '../administer.ts';
import type { Fault } from '../fault.ts';
import { refused } from '../refused.ts';

const SHORTER = /ends at offset 0 and was read up to \d+: it was deleted and made anew.*--accept-loss/;
const LONGER =
  /holds other records at offset \d+ than were counted: it was deleted and made anew.*--accept-loss/;

export const inputRecreated: Fault = {
  name: 'input-recreated',
  title:
    'the click topic is deleted and made anew under a running aggregator: it refuses, `--accept-loss` goes on',
  isLossAccepted: true,
  seconds: { round: 25, fixed: 5 },
  async run({ topics, load, startAggregator, recover }) {
    const { clicks, partitions } = topics;
    await load.write(500);
    const aggregator = startAggregator();
    await recover(aggregator);
    await administer(topics, 'kafka-topics', ['--delete', '--topic', clicks]);
    await administer(topics, 'kafka-topics', [
      ...['--create', '--topic', clicks, '--partitions', String(partitions)],
    ]);
    await refused(aggregator, SHORTER);
    await load.write(2_000);
    await refused(startAggregator(), LONGER);
    await recover(startAggregator({ args: ['--accept-loss'] }));
  },
};
