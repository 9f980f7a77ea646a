import assert from 'node:assert/strict';
import { API_KEY, type ProxyFrame } from '@clickstream/local-kafka';
import type { Fault } from '../fault.ts';
import { stopWithin } from '../stop-within.ts';

const NOT_READY_MS = 8_000;
/** It is loading, there is none, and it is another one. */
const ERROR_CODES = [14, 15, 16] as const;

export const coordinatorNotReady: Fault = {
  name: 'coordinator-not-ready',
  title: 'no coordinator is ready for 8 s when the aggregator starts',
  kafka: { nodes: 1 },
  seconds: { round: 15, fixed: 5 },
  async run({ pause, rounds, proxy, load, startAggregator, recover }) {
    for (let round = 0; round < rounds; round++) {
      await load.write(500);
      let answered = 0;
      const { promise: asked, resolve: setAsked } = Promise.withResolvers<undefined>();
      const stop = proxy.intercept('request', (frame) => {
        if (frame.apiKey !== API_KEY.findCoordinator) return undefined;
        setAsked(undefined);
        return { reply: withError(ERROR_CODES[answered++ % ERROR_CODES.length] ?? 15, frame) };
      });
      const aggregator = startAggregator();
      // From then on, since a busy machine takes as long to start it.
      await asked;
      await pause(NOT_READY_MS);
      assert.ok(!aggregator.hasEnded, aggregator.stderr);
      assert.doesNotMatch(aggregator.stderr, /^ready/m, 'it counts without a coordinator');
      assert.ok(answered >= ERROR_CODES.length, `it has asked ${answered} times`);
      stop();
      await recover(aggregator);
      await stopWithin(aggregator);
    }
  },
};

/** A FindCoordinator response of versions 1 and 2: throttle time, error, its message, and a node that is none. */
function withError(errorCode: number, { correlationId }: ProxyFrame): Buffer {
  const response = Buffer.alloc(4 + 4 + 4 + 2 + 2 + 4 + 2 + 4);
  response.writeInt32BE(response.length - 4, 0);
  response.writeInt32BE(correlationId, 4);
  response.writeInt16BE(errorCode, 12);
  response.writeInt16BE(-1, 14);
  response.writeInt32BE(-1, 16);
  return response;
}
