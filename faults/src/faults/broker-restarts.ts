import { endCleanly } from '../end-cleanly.ts';
import type { Fault } from '../fault.ts';

export const brokerRestarts: Fault = {
  name: 'broker-restarts',
  title: 'the broker is restarted, in turn cleanly and after `kill -9`',
  kafka: {},
  rounds: 6,
  fewestRounds: 2,
  seconds: { round: 14, fixed: 5 },
  async run({ pause, rounds, random, broker, startAggregator, keepWriting, recover }) {
    const aggregator = startAggregator();
    await aggregator.ready();
    keepWriting(300);
    for (let round = 0; round < rounds; round++) {
      await pause(random.below(2_000));
      await (round % 2 === 0 ? endCleanly(broker) : broker.kill());
      await broker.restart();
      await recover(aggregator);
    }
  },
};
