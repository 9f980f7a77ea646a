import type { Fault } from '../fault.ts';
import { assertNoOpenTransaction } from '../left-over.ts';
import { stopAtRandomMoments } from '../stopped-at-random.ts';

/** So often nobody is left to end a transaction of those that stopped; it would time out after 30 s. */
const ROUNDS_BETWEEN_LOOKS = 25;

export const aggregatorStopped: Fault = {
  name: 'aggregator-stopped',
  title: 'SIGTERM of the aggregator at random moments: exit 0 within 10 s, no transaction open',
  rounds: 100,
  // A static member, and one that is none.
  fewestRounds: 2,
  seconds: { round: 2.5, fixed: 10 },
  async run({ rounds, random, topics, startAggregator, keepWriting, recover }) {
    keepWriting(200);
    for (let left = rounds; left > 0; left -= ROUNDS_BETWEEN_LOOKS) {
      await stopAtRandomMoments({
        rounds: Math.min(left, ROUNDS_BETWEEN_LOOKS),
        atOnce: 3,
        random,
        // Half of them static members, who keep their seat.
        start: (round, lane) =>
          startAggregator({
            environment: round % 2 === 0 ? { INSTANCE_ID: `seat-${lane}` } : {},
          }),
      });
      await assertNoOpenTransaction(topics.connection.brokers.join(','), topics.applicationId);
    }
    await recover(startAggregator());
  },
};
