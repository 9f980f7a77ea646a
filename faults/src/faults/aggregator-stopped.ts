import type { Fault } from '../fault.ts';
import { createOpenTransactionLook } from '../no-open-transaction.ts';
import { stopAtRandomMoments } from '../stopped-at-random.ts';
import { stopWithin } from '../stop-within.ts';

/** By turns one alone, who may leave a transaction open anywhere, and some that take over from each other. */
const AT_ONCE = [1, 3] as const;

export const aggregatorStopped: Fault = {
  name: 'aggregator-stopped',
  title: 'SIGTERM of the aggregator at random moments: exit 0 within 10 s, no transaction open',
  rounds: 100,
  // A static member alone and one that is none, and those that are several.
  fewestRounds: 8,
  seconds: { round: 2.5, fixed: 10 },
  async run({ rounds, random, topics, startAggregator, keepWriting, recover }) {
    // So that all topics are there.
    const first = startAggregator();
    await first.ready();
    await stopWithin(first);
    const { totals, pages, sessions, deadLetters, checkpoint, repartition } = topics;
    const outputs = [totals, pages, sessions, deadLetters, checkpoint, repartition];
    const assertNoneOpen = await createOpenTransactionLook(topics, outputs);
    keepWriting(200);
    for (let [turn, left] = [0, rounds]; left > 0; turn++) {
      const count = Math.min(left, AT_ONCE[turn % AT_ONCE.length] ?? 1);
      await stopAtRandomMoments({
        rounds: count,
        atOnce: count,
        random,
        // Half of them static members, who keep their seat.
        start: (round, lane) =>
          startAggregator({
            environment:
              (Math.floor(turn / AT_ONCE.length) + round) % 2 === 0 ? { INSTANCE_ID: `seat-${lane}` } : {},
          }),
      });
      await assertNoneOpen();
      left -= count;
    }
    await recover(startAggregator());
  },
};
