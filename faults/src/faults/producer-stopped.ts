import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Fault } from '../fault.ts';
import { stopAtRandomMoments } from '../stopped-at-random.ts';

/** One of so many manifests is verified, which takes seconds. */
const VERIFIED_EVERY = 25;
const LOG_LINES = 3_000;
const SPEED = '200';

export const producerStopped: Fault = {
  name: 'producer-stopped',
  title: 'SIGTERM of the producer at random moments: exit 0 within 10 s, and its manifest is right',
  rounds: 100,
  fewestRounds: 2,
  seconds: { round: 1, fixed: 10 },
  async run({ rounds, random, folder, startApp, startAggregator, expectManifest }) {
    await startAggregator().ready();
    const accessLog = join(folder, 'access.log');
    writeFileSync(accessLog, Array.from({ length: LOG_LINES }, (_, second) => requestAt(second)).join(''));
    const manifestOf = (round: number) => join(folder, `manifest-${round}.ndjson`);
    await stopAtRandomMoments({
      rounds,
      atOnce: 4,
      random,
      start: (round) => {
        const args =
          round % 2 === 0
            ? ['simulate', '--rate', '200', '--no-report', '--users', '20']
            : ['replay', accessLog, '--speed', SPEED];
        return startApp('producer', [...args, '--manifest', manifestOf(round)]);
      },
      after: (round) => {
        const file = manifestOf(round);
        if (round % VERIFIED_EVERY > 1 || !existsSync(file)) return;
        const last = readFileSync(file, 'utf8').trim().split('\n').at(-1) ?? '';
        expectManifest(file, (JSON.parse(last) as { acknowledged: number }).acknowledged);
      },
    });
  },
};

/** A line of an access log, a second after the one before. */
function requestAt(second: number): string {
  const time = new Date(second * 1000).toISOString().slice(11, 19);
  return `203.0.113.${second % 20} - - [17/May/2015:${time} +0000] "GET /page${second % 9} HTTP/1.1" 200 1 "-" "-"\n`;
}
