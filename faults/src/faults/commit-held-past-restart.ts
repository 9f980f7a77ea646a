import assert from 'node:assert/strict';
import { API_KEY, type ProxyFrame } from '@clickstream/local-kafka';
import type { Fault } from '../fault.ts';
import { SAME_SEAT } from '../seats.ts';

const HELD_MS = 20_000;
/** The last field of an EndTxn request of version 1 says whether it commits. */
const isCommit = ({ apiKey, bytes }: ProxyFrame) => apiKey === API_KEY.endTxn && bytes.at(-1) === 1;
/** What a coordinator says to requests of version 1 whose sender was fenced: INVALID_PRODUCER_EPOCH. */
const FENCED = 47;
/** Where an EndTxn response of version 1 has its error code: behind length, correlation id and throttle time. */
const ERROR_CODE_AT = 12;

export const commitHeldPastRestart: Fault = {
  name: 'commit-held-past-restart',
  title: 'a commit arrives 20 s late, when a restarted instance is at work',
  kafka: { nodes: 1 },
  seconds: { round: 25, fixed: 5 },
  async run({ pause, rounds, proxy, startAggregator, keepWriting, recover }) {
    keepWriting(300);
    for (let round = 0; round < rounds; round++) {
      const victim = startAggregator({ environment: SAME_SEAT });
      await recover(victim);
      const held = await proxy.hold(isCommit);
      assert.equal(held.frame.apiVersion, 1);
      victim.kill('SIGKILL');
      await victim.ended;
      const successor = startAggregator({ environment: SAME_SEAT });
      await recover(successor);
      await pause(HELD_MS);
      const response = await held.deliver();
      const errorCode = response.readInt16BE(ERROR_CODE_AT);
      assert.equal(errorCode, FENCED, `a commit of the old owner was answered with ${errorCode}`);
      await recover(successor);
      successor.kill('SIGKILL');
      await successor.ended;
    }
  },
};
