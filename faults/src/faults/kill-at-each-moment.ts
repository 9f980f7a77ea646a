import assert from 'node:assert/strict';
import { CRASH_POINTS } from '@clickstream/kafka-client';
import type { Fault } from '../fault.ts';
import { SAME_SEAT } from '../seats.ts';

/** More than one request of a partition holds, with URLs that long. */
const BACKLOG = 4_000;
const URL_BYTES = 2_000;
const ONE_TRANSACTION = { ...SAME_SEAT, COMMIT_MAX_RECORDS: '1000000', COMMIT_INTERVAL_MS: '5000' };

export const killAtEachMoment: Fault = {
  name: 'kill-at-each-moment',
  title: '`kill -9` at each named moment of a transaction and of a restart',
  rounds: 3,
  seconds: { round: 25, fixed: 10 },
  load: { urlBytes: URL_BYTES },
  async run({ rounds, random, load, startAggregator, keepWriting, recover }) {
    keepWriting(100);
    for (let round = 0; round < rounds; round++)
      // In the order of a transaction first, so that there is something to restore.
      for (const at of [...CRASH_POINTS.slice(2), ...CRASH_POINTS.slice(0, 2)]) {
        // Only between two requests of one transaction is there a moment after the first.
        const isLarge = at === 'after-send';
        if (isLarge) await load.write(BACKLOG);
        const { signal, stderr } = await startAggregator({
          crash: { at, count: isLarge ? 1 : 1 + random.below(3) },
          environment: isLarge ? ONE_TRANSACTION : SAME_SEAT,
        }).ended;
        assert(signal === 'SIGKILL', `${at} was not reached: ${stderr}`);
      }
    const last = startAggregator({ environment: SAME_SEAT });
    await recover(last);
  },
};
