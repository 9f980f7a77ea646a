import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Fault } from '../fault.ts';
import { createOpenTransactionLook } from '../no-open-transaction.ts';
import { stopAtRandomMoments, untilConnected } from '../stopped-at-random.ts';

const LOG_LINES = 3_000;
const SPEED = '200';
const DEAD_LETTERS = 1_000;
/** So many of the rounds replay dead letters, which are dead letters again. */
const REPLAYED_ONE_OF = 4;

export const producerStopped: Fault = {
  name: 'producer-stopped',
  title: 'SIGTERM of the producer at random moments: exit 0 within 10 s, and its manifest is right',
  rounds: 100,
  fewestRounds: 4,
  seconds: { round: 2, fixed: 10 },
  async run(context) {
    const { rounds, random, folder, topics, load, startApp, recover } = context;
    const aggregator = context.startAggregator();
    await aggregator.ready();
    const replays = Math.floor(rounds / REPLAYED_ONE_OF);
    await Promise.all(
      Array.from({ length: DEAD_LETTERS }, (_, number) =>
        load.writeMalformed({ topic: topics.clicks, key: null, value: Buffer.from(`no click ${number}`) }),
      ),
    );
    await recover(aggregator);
    // One at a time: of two that replay dead letters the older one gives way, and says so with exit code 1.
    const assertNoneOpen = await createOpenTransactionLook(topics, [topics.clicks]);
    await stopAtRandomMoments({
      rounds: replays,
      atOnce: 1,
      random,
      start: () => startApp('producer', ['replay', '--dead-letters']),
      after: assertNoneOpen,
    });

    const accessLog = join(folder, 'access.log');
    writeFileSync(accessLog, Array.from({ length: LOG_LINES }, (_, second) => requestAt(second)).join(''));
    const manifestOf = (round: number) => join(folder, `manifest-${round}.ndjson`);
    let manifests = 0;
    await stopAtRandomMoments({
      rounds: rounds - replays,
      atOnce: 4,
      random,
      start: (round) => {
        const args =
          round % 2 === 0
            ? ['simulate', '--rate', '200', '--no-report', '--users', '20']
            : ['replay', accessLog, '--speed', SPEED];
        return startApp('producer', [...args, '--manifest', manifestOf(round)]);
      },
      // On a busy machine none of few would get as far as to write.
      begun: (app, round) => (round % 4 === 0 ? app.ready() : untilConnected(app)),
      after: (round, { stderr }) => {
        const file = manifestOf(round);
        if (!existsSync(file)) {
          assert.doesNotMatch(stderr, /^ready/m, `a producer that was ready has left no ${file}`);
          return;
        }
        manifests++;
        const last = readFileSync(file, 'utf8').trim().split('\n').at(-1) ?? '';
        context.expectManifest(file, (JSON.parse(last) as { acknowledged: number }).acknowledged);
      },
    });
    assert.ok(manifests > 0, 'no producer got as far as a manifest');
    context.report(`${manifests} manifests`);
  },
};

/** A line of an access log, a second after the one before. */
function requestAt(second: number): string {
  const time = new Date(second * 1000).toISOString().slice(11, 19);
  return `203.0.113.${second % 20} - - [17/May/2015:${time} +0000] "GET /page${second % 9} HTTP/1.1" 200 1 "-" "-"\n`;
}
