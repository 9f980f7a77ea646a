import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { Fault } from '../fault.ts';
import { stopWithin } from '../stop-within.ts';
import { supervise } from '../supervise.ts';

const ABSENT_MS = 60_000;
const CLICKS = 500;

export const brokerAbsentAtStart: Fault = {
  name: 'broker-absent-at-start',
  title: 'the broker comes 60 s after the apps, which a supervisor starts again',
  kafka: {},
  seconds: { round: 80, fixed: 5 },
  async run(context) {
    const { pause, rounds, folder, broker, load, signal, startAggregator, startApp, recover } = context;
    for (let round = 0; round < rounds; round++) {
      await load.write(500);
      await broker.kill();
      const manifest = join(folder, `manifest-${round}.ndjson`);
      const producing = [
        'simulate',
        '--rate',
        '200',
        '--count',
        String(CLICKS),
        '--no-report',
        '--manifest',
        manifest,
      ];
      const [counting, showing, writing] = [
        () => startAggregator(),
        () => startApp('results-consumer', ['serve'], { DASHBOARD_PORT: '0' }),
        () => startApp('producer', producing),
      ].map((start) => supervise(start, signal));
      assert(counting && showing && writing);
      await pause(ABSENT_MS);
      await broker.restart();
      const [aggregator, page, producer] = await Promise.all([counting.ready, showing.ready, writing.ready]);
      for (const { restarts } of [counting, showing, writing])
        assert.ok(restarts > 0, 'an app was started once, and waited all the time');
      const { exitCode, stderr } = await producer.ended;
      assert.equal(exitCode, 0, stderr);
      context.expectManifest(manifest, CLICKS);
      await stopWithin(page);
      await load.write(500);
      await recover(aggregator);
    }
  },
};
