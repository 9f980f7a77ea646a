import type { KafkaProxy } from '@clickstream/local-kafka';
import type { Fault } from '../fault.ts';

const BAD_MS = 6_000;

/** What may be wrong with a line. */
const AILMENTS: readonly ((proxy: KafkaProxy) => void)[] = [
  (proxy) => {
    proxy.line = { latencyMs: 300 };
  },
  (proxy) => {
    proxy.line = { bytesPerSecond: 30_000 };
  },
  (proxy) => {
    proxy.line = { blackHole: 'request' };
  },
  (proxy) => {
    proxy.line = { blackHole: 'response' };
  },
  (proxy) => {
    proxy.cut();
  },
  (proxy) => {
    proxy.reset();
  },
];

export const badLine: Fault = {
  name: 'bad-line',
  title: 'the line to the broker is late, slow, a black hole one way, cut, reset',
  kafka: { nodes: 1 },
  rounds: AILMENTS.length,
  fewestRounds: AILMENTS.length,
  seconds: { round: 15, fixed: 5 },
  async run({ pause, rounds, proxy, startAggregator, keepWriting, recover }) {
    const aggregator = startAggregator();
    await aggregator.ready();
    keepWriting(300);
    for (let round = 0; round < rounds; round++) {
      AILMENTS[round % AILMENTS.length]?.(proxy);
      await pause(BAD_MS);
      proxy.mend();
      // What was lost without a word is given up by its sender only after a while.
      await recover(aggregator);
    }
  },
};
