import assert from 'node:assert/strict';
import { assertBooks, untilAllClosed } from '@clickstream/test-harness';
import type { Fault } from '../fault.ts';
import { LIVELY_ENVIRONMENT } from '../lively.ts';

/** Longer than the transaction time-out of 30 s. */
const SILENT_MS = 45_000;
/** What was answered before it fell silent may still be under way. */
const UNDER_WAY_MS = 2_000;
const BEFORE_MS = 5_000;

export const brokerSilent: Fault = {
  name: 'broker-silent',
  title: 'SIGSTOP of the broker for 45 s, longer than the transaction time-out, makes no click of now late',
  kafka: {},
  // Clicks of now, each where it is counted: one that comes late was made so by the pause.
  pace: 'plain',
  load: { eventTime: () => Date.now(), isAtHome: true },
  environment: { ...LIVELY_ENVIRONMENT, GRACE_MS: '5000' },
  seconds: { round: 60, fixed: 10 },
  async run({ pause, rounds, broker, topics, load, startAggregator, keepWriting, recover }) {
    const aggregator = startAggregator();
    await aggregator.ready();
    const stopWriting = keepWriting(300);
    for (let round = 0; round < rounds; round++) {
      await pause(BEFORE_MS);
      broker.pause();
      await pause(UNDER_WAY_MS);
      const { written } = load;
      await pause(SILENT_MS - UNDER_WAY_MS);
      assert.equal(load.written, written, 'the broker was not silent');
      broker.resume();
      await recover(aggregator);
    }
    await pause(BEFORE_MS);
    await stopWriting();
    await untilAllClosed(topics, load.written, aggregator);
    const { late, missed, sessionLate } = await assertBooks(topics, load.written);
    assert.deepEqual({ late, missed, sessionLate }, { late: 0, missed: 0, sessionLate: 0 });
  },
};
