import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { assertBooks, countIdle, untilAllClosed } from '@clickstream/test-harness';
import type { Fault } from '../fault.ts';
import { LIVELY_ENVIRONMENT } from '../lively.ts';

const GAP_MS = 30_000;
const START_MS = Date.UTC(2015, 4, 17, 10, 5);
const USERS = 20;
const CLICKS_OF_USER = 25;

export const gapsInReplay: Fault = {
  name: 'gaps-in-replay',
  title:
    'a log of 2015 is replayed as fast as it was, with gaps of 30 s that close all windows: no click is late',
  pace: 'plain',
  // A busy machine takes seconds to write a burst, and that is no gap.
  environment: { ...LIVELY_ENVIRONMENT, GRACE_MS: '4000' },
  rounds: 3,
  seconds: { round: GAP_MS / 1000, fixed: 15 },
  async run({ rounds, folder, topics, startAggregator, startApp, expectManifest, report }) {
    const [log, manifest] = [join(folder, 'access.log'), join(folder, 'manifest.ndjson')];
    const lines = Array.from({ length: rounds + 1 }, (_, burst) => burstAt(START_MS + burst * GAP_MS)).flat();
    writeFileSync(log, lines.join(''));
    const aggregator = startAggregator();
    await aggregator.ready();
    const replay = startApp('producer', ['replay', log, '--speed', '1', '--manifest', manifest]);
    const { exitCode, stderr } = await replay.ended;
    assert.equal(exitCode, 0, stderr);
    expectManifest(manifest, lines.length);
    await untilAllClosed(topics, lines.length, aggregator);
    const { counted, late, missed, sessionLate } = await assertBooks(topics, lines.length);
    assert.deepEqual(
      { counted, late, missed, sessionLate },
      { counted: lines.length, late: 0, missed: 0, sessionLate: 0 },
    );
    const closed = await countIdle(topics);
    report(`idle time closed a partition ${closed} times`);
    assert.ok(closed >= (rounds + 1) * topics.partitions, 'the gaps have not closed what was open');
  },
};

/** Lines of an access log of one second, with as many clicks of each user. */
function burstAt(timeMs: number): string[] {
  const time = new Date(timeMs).toISOString().slice(11, 19);
  return Array.from(
    { length: USERS * CLICKS_OF_USER },
    (_, click) =>
      `203.0.113.${click % USERS} - - [17/May/2015:${time} +0000] "GET /page${click % 7} HTTP/1.1" 200 1 "-" "-"\n`,
  );
}
