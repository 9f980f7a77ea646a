import assert from 'node:assert/strict';
import { API_KEY } from '@clickstream/local-kafka';
import type { Fault } from '../fault.ts';
import { SAME_SEAT } from '../seats.ts';

export const produceHeldPastTakeOver: Fault = {
  name: 'produce-held-past-take-over',
  title: 'results arrive late, when another process has taken over',
  kafka: { nodes: 1 },
  rounds: 3,
  seconds: { round: 10, fixed: 5 },
  async run({ rounds, proxy, startAggregator, keepWriting, recover, note }) {
    keepWriting(300);
    let owner = startAggregator({ environment: SAME_SEAT });
    for (let round = 0; round < rounds; round++) {
      await recover(owner);
      const held = await proxy.hold(({ apiKey }) => apiKey === API_KEY.produce);
      const successor = startAggregator({ environment: SAME_SEAT });
      await recover(successor);
      const errorCode = firstErrorCode(await held.deliver());
      note(`the late results were answered with error ${errorCode}`);
      assert.notEqual(errorCode, 0, 'results of the old owner were accepted');
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
