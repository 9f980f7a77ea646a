import assert from 'node:assert/strict';
import { CRASH_POINTS } from '@clickstream/kafka-client';
import type { Fault } from '../fault.ts';
import { LARGE_TRANSACTION, LARGE_TRANSACTION_ENVIRONMENT } from '../large-transaction.ts';
import { SAME_SEAT } from '../seats.ts';

export const killAtEachMoment: Fault = {
  name: 'kill-at-each-moment',
  title: '`kill -9` at each named moment of a transaction and of a restart',
  rounds: 3,
  seconds: { round: 25, fixed: 10 },
  load: { urlBytes: LARGE_TRANSACTION.urlBytes },
  async run({ rounds, random, load, startAggregator, keepWriting, recover }) {
    keepWriting(100);
    for (let round = 0; round < rounds; round++)
      // In the order of a transaction first, so that there is something to restore.
      for (const at of [...CRASH_POINTS.slice(2), ...CRASH_POINTS.slice(0, 2)]) {
        // Only between two requests of one transaction is there a moment after the first.
        const isLarge = at === 'after-send';
        if (isLarge) await load.write(LARGE_TRANSACTION.records);
        const { signal, stderr } = await startAggregator({
          crash: { at, count: isLarge ? 1 : 1 + random.below(3) },
          environment: { ...SAME_SEAT, ...(isLarge && LARGE_TRANSACTION_ENVIRONMENT) },
        }).ended;
        assert(signal === 'SIGKILL', `${at} was not reached: ${stderr}`);
      }
    const last = startAggregator({ environment: SAME_SEAT });
    await recover(last);
  },
};
