import assert from 'node:assert/strict';
import { readFinalPages, untilAllClosed } from '@clickstream/test-harness';
import { administer } from '../administer.ts';
import type { Fault } from '../fault.ts';
import { LIVELY_ENVIRONMENT } from '../lively.ts';
import { refused } from '../refused.ts';

const BEFORE = 500;
const AFTER = 2_000;
const START_MS = 1_700_000_000_000;
/** Keeps the windows of the last clicks open while there are no others. */
const NO_IDLE_CLOSE = { IDLE_TIMEOUT_MS: '600000' };
const SHORTER = /ends at offset 0 and was read up to \d+: it was deleted and made anew.*--accept-loss/;
const LONGER =
  /holds other records at offset \d+ than were counted: it was deleted and made anew.*--accept-loss/;

export const inputRecreated: Fault = {
  name: 'input-recreated',
  title:
    'the click topic is deleted and made anew under a running aggregator: it refuses, `--accept-loss` goes on',
  isLossAccepted: true,
  // Nothing is repeated, and nothing late: what was in the first topic cannot be looked up any more.
  pace: 'plain',
  environment: { ...LIVELY_ENVIRONMENT, IDLE_TIMEOUT_MS: '3000' },
  isOnce: true,
  seconds: { round: 25, fixed: 5 },
  async run({ topics, load, startAggregator, recover }) {
    const { clicks, partitions } = topics;
    await load.write(BEFORE);
    const aggregator = startAggregator({ environment: NO_IDLE_CLOSE });
    await recover(aggregator);
    await administer(topics, 'kafka-topics', ['--delete', '--topic', clicks]);
    await administer(topics, 'kafka-topics', [
      ...['--create', '--topic', clicks, '--partitions', String(partitions)],
    ]);
    await refused(aggregator, SHORTER);
    await load.write(AFTER);
    await refused(startAggregator(), LONGER);
    const accepting = startAggregator({ args: ['--accept-loss'] });
    await recover(accepting);
    await untilAllClosed(topics, load.written, accepting);
    // Users of windows that were open are read again from the input, which is gone: theirs are a lower bound.
    const pages = await readFinalPages(topics);
    const inexact = pages.filter(({ usersExact }) => !usersExact);
    const lastBefore = START_MS + BEFORE - 1;
    assert.ok(inexact.length > 0, 'all windows claim to know their users');
    assert.deepEqual(
      inexact.filter(({ windowStart }) => windowStart > lastBefore),
      [],
    );
    assert.ok(
      pages.some(({ windowStart }) => windowStart > lastBefore),
      'no window came after them',
    );
  },
};
