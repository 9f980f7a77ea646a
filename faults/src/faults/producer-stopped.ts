import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Fault } from '../fault.ts';
import { stopAtRandomMoment, TALKATIVE } from '../stopped-at-random.ts';

/** One of so many writes a manifest, which takes a verification to check. */
const MANIFEST_EVERY = 20;

export const producerStopped: Fault = {
  name: 'producer-stopped',
  title: 'SIGTERM of the producer at random moments: exit 0 within 10 s, and its manifest is right',
  rounds: 100,
  seconds: { round: 0.8, fixed: 10 },
  async run({ rounds, random, folder, startApp, startAggregator, expectManifest }) {
    await startAggregator().ready();
    let left = rounds;
    const stopOneAfterTheOther = async () => {
      for (; left > 0; left--) {
        const file = join(folder, `manifest-${left}.ndjson`);
        const args = ['simulate', '--rate', '200', '--no-report', '--users', '20', '--manifest', file];
        await stopAtRandomMoment(startApp('producer', args, TALKATIVE), random);
        if (left % MANIFEST_EVERY > 0 || !existsSync(file)) continue;
        const last = readFileSync(file, 'utf8').trim().split('\n').at(-1) ?? '{}';
        expectManifest(file, (JSON.parse(last) as { acknowledged: number }).acknowledged);
      }
    };
    await Promise.all([stopOneAfterTheOther(), stopOneAfterTheOther(), stopOneAfterTheOther()]);
  },
};
