import type { Fault } from '../fault.ts';
import { LINE_AILMENTS, withAilment } from '../line-ailments.ts';

const BAD_MS = 6_000;

export const badLine: Fault = {
  name: 'bad-line',
  title: 'the line to the broker is late, slow, a black hole one way, cut, reset',
  kafka: { nodes: 1 },
  rounds: LINE_AILMENTS.length,
  fewestRounds: LINE_AILMENTS.length,
  seconds: { round: 15, fixed: 5 },
  async run({ pause, rounds, proxy, startAggregator, keepWriting, recover }) {
    const aggregator = startAggregator();
    await aggregator.ready();
    keepWriting(300);
    for (let round = 0; round < rounds; round++) {
      const ailment = LINE_AILMENTS[round % LINE_AILMENTS.length];
      if (ailment) await withAilment(ailment, proxy, () => pause(BAD_MS));
      // What was lost without a word is given up by its sender only after a while.
      await recover(aggregator);
    }
  },
};
