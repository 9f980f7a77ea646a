import assert from 'node:assert/strict';
import type { AppName, AppProcess } from '@clickstream/test-harness';
import type { Fault, FaultContext } from '../fault.ts';
import { stopWithin } from '../stop-within.ts';

const APPS: readonly AppName[] = ['aggregator', 'producer', 'results-consumer'];
/** Both ways of each app. */
const ROUNDS = 2 * APPS.length;
/** Signals closer together than 1 s are one signal that was passed on twice. */
const SECOND_MS = 1_300;
const AT_ONCE_MS = 2_000;

export const stoppedTwice: Fault = {
  name: 'stopped-twice',
  title: 'SIGTERM of each app twice: at once is as good as once, later ends it although the broker is silent',
  kafka: {},
  rounds: ROUNDS,
  fewestRounds: ROUNDS,
  seconds: { round: 8, fixed: 10 },
  async run(context) {
    const { pause, rounds, broker, keepWriting } = context;
    keepWriting(200);
    for (let round = 0; round < rounds; round++) {
      const name = APPS[Math.floor(round / 2) % APPS.length] ?? 'aggregator';
      const app = await startOne(context, name);
      if (round % 2 === 0) {
        app.kill('SIGTERM');
        await stopWithin(app);
        continue;
      }
      broker.pause();
      app.kill('SIGTERM');
      await pause(SECOND_MS);
      const hadEnded = app.hasEnded;
      app.kill('SIGTERM');
      const isOver = await Promise.race([app.ended.then(() => true), pause(AT_ONCE_MS).then(() => false)]);
      broker.resume();
      assert.ok(isOver, 'a second SIGTERM did not end it');
      const { exitCode } = await app.ended;
      // It has nothing to write, and so is about done by then.
      if (name === 'results-consumer')
        assert.ok(exitCode === 0 || exitCode === 1, `it ended with ${String(exitCode)}`);
      else assert.deepEqual({ hadEnded, exitCode }, { hadEnded: false, exitCode: 1 });
    }
  },
};

/** Starts an app, and resolves when it is at work. */
async function startOne(
  { topics, startAggregator, startApp, recover }: FaultContext,
  name: AppName,
): Promise<AppProcess> {
  if (name === 'aggregator') {
    const aggregator = startAggregator();
    await recover(aggregator);
    return aggregator;
  }
  const app =
    name === 'producer'
      ? // Its clicks are none of the load.
        startApp(name, ['simulate', '--rate', '200', '--no-report'], {
          CLICKSTREAM_TOPIC: `other-${topics.clicks}`,
        })
      : startApp(name, ['serve'], { DASHBOARD_PORT: '0' });
  await app.ready();
  return app;
}
