import type { Fault } from '../fault.ts';
import { stopAtRandomMoment, TALKATIVE } from '../stopped-at-random.ts';

export const aggregatorStopped: Fault = {
  name: 'aggregator-stopped',
  title: 'SIGTERM of the aggregator at random moments: exit 0 within 10 s',
  rounds: 100,
  seconds: { round: 1.5, fixed: 10 },
  async run({ rounds, random, startAggregator, keepWriting, recover }) {
    keepWriting(200);
    let left = rounds;
    const stopOneAfterTheOther = async (seat: number) => {
      for (; left > 0; left--) {
        // Half of them static members, who keep their seat.
        const environment = { ...TALKATIVE, ...(left % 2 === 0 && { INSTANCE_ID: `seat-${seat}` }) };
        await stopAtRandomMoment(startAggregator({ environment }), random);
      }
    };
    await Promise.all([stopOneAfterTheOther(1), stopOneAfterTheOther(2)]);
    await recover(startAggregator());
  },
};
