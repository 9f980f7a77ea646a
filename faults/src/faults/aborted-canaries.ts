import type { Fault } from '../fault.ts';
import { openCanaries } from '../open-canaries.ts';

/** Transactions open at the same time: several in each partition, begun and aborted in another order. */
const MOST_OPEN = 6;
/** On average 30 clicks are written between two of them. */
const MOST_PAUSE_MS = 200;

export const abortedCanaries: Fault = {
  name: 'aborted-canaries',
  title:
    'aborted transactions overlap with open ones between the clicks, on the input and on the repartition topic',
  rounds: 40,
  fewestRounds: 2 * MOST_OPEN,
  seconds: { round: 1, fixed: 5 },
  async run({ pause, rounds, random, topics, startAggregator, keepWriting, recover }) {
    const aggregator = startAggregator();
    await aggregator.ready();
    keepWriting(300);
    const open: (() => Promise<void>)[] = [];
    for (let round = 0; round < rounds; round++) {
      await pause(random.below(MOST_PAUSE_MS));
      const topic = random.below(2) === 0 ? topics.clicks : topics.repartition;
      open.push(await openCanaries(topics, topic, random, String(round)));
      if (open.length < MOST_OPEN) continue;
      const [abort] = open.splice(random.below(open.length), 1);
      await abort?.();
    }
    for (const abort of open) await abort();
    await recover(aggregator);
  },
};
