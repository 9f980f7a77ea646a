import assert from 'node:assert/strict';
import { API_KEY } from '@clickstream/local-kafka';
import type { Fault } from '../fault.ts';
import { SAME_SEAT } from '../seats.ts';

/** What a broker says to results whose sender was fenced: INVALID_PRODUCER_EPOCH. */
const FENCED = 47;

export const produceHeldPastTakeOver: Fault = {
  name: 'produce-held-past-take-over',
  title: 'results arrive late, when another process has taken over',
  kafka: { nodes: 1 },
  rounds: 3,
  seconds: { round: 10, fixed: 5 },
  async run({ rounds, proxy, startAggregator, keepWriting, recover }) {
    keepWriting(300);
    let owner = startAggregator({ environment: SAME_SEAT });
    for (let round = 0; round < rounds; round++) {
      await recover(owner);
      const held = await proxy.hold(({ apiKey }) => apiKey === API_KEY.produce);
      const successor = startAggregator({ environment: SAME_SEAT });
      await recover(successor);
      const errorCode = firstErrorCode(await held.deliver());
      assert.equal(errorCode, FENCED, `results of the old owner were answered with ${errorCode}`);
      await recover(successor);
      owner.kill('SIGKILL');
      owner = successor;
    }
  },
};

/** Of the first partition of a Produce response: length, correlation id, then arrays of topics and partitions. */
function firstErrorCode(response: Buffer): number {
  const partitionsAt = 14 + response.readInt16BE(12);
  return response.readInt16BE(partitionsAt + 8);
}
