import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { assertVerified } from '@clickstream/test-harness';
import type { Fault } from '../fault.ts';

const CLICKS = 3_000;
/** Says that it could not be verified, and why. */
const TORN = /^Error: verify ended with 2:[^]*(is torn: its last line|or only part of one)/;

export const producerKilled: Fault = {
  name: 'producer-killed',
  title: '`kill -9` of the producer, which starts again with a new manifest',
  rounds: 5,
  seconds: { round: 8, fixed: 5 },
  async run(context) {
    const { pause, rounds, random, folder, topics, startAggregator, startApp, expectManifest, recover } =
      context;
    const aggregator = startAggregator();
    await aggregator.ready();
    const simulate = (file: string, ...args: string[]) =>
      startApp('producer', ['simulate', '--manifest', file, '--no-report', ...args]);
    for (let round = 0; round < rounds; round++) {
      const torn = join(folder, `torn-${round}.ndjson`);
      const victim = simulate(torn, '--rate', '1000');
      await victim.ready();
      await pause(random.below(2_000));
      victim.kill('SIGKILL');
      await victim.ended;
      const whole = join(folder, `whole-${round}.ndjson`);
      const { exitCode, stderr } = await simulate(whole, '--rate', '2000', '--count', String(CLICKS)).ended;
      assert.equal(exitCode, 0, stderr);
      expectManifest(whole, CLICKS);
      // Nothing but clicks is in the topic, so that there are as many as offsets.
      const ends = await topics.reader.endOffsets(topics.clicks);
      await recover(aggregator, Number(ends.reduce((sum, end) => sum + end, 0n)));
      // What a dead producer had acknowledged nobody can tell, and verify says so.
      await assert.rejects(assertVerified(topics, ['--manifest', torn]), TORN);
      // A line that was half written is no other case, at whatever character it ends.
      const lines = readFileSync(whole, 'utf8');
      const half = join(folder, `half-${round}.ndjson`);
      writeFileSync(half, lines.slice(0, 1 + random.below(lines.length - 2)));
      await assert.rejects(assertVerified(topics, ['--manifest', half]), TORN);
    }
  },
};
