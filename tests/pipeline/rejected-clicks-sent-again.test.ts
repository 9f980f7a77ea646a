import { runTool } from '@clickstream/local-kafka';
import { assertVerified } from '@clickstream/test-harness';
import { expect, test } from 'vitest';
import { startApp } from './app-process.ts';
import { pipelineEnvironment } from './pipeline-environment.ts';

const MINUTE_MS = 60_000;

test('rejected clicks are sent again after a fix, and each is counted once', async () => {
  const environment = pipelineEnvironment();
  const now = Date.now();
  const write = async (...clicks: readonly [eventId: string, timestamp: number][]) => {
    const lines = clicks.map(([eventId, timestamp]) =>
      JSON.stringify({ eventId, userId: '42', url: '/page3', timestamp }),
    );
    const { exitCode } = await runTool('kafka-console-producer', ['--topic', environment.CLICKSTREAM_TOPIC], {
      brokers: environment.KAFKA_BROKERS,
      input: `${lines.join('\n')}\n`,
    });
    expect(exitCode).toBe(0);
  };
  const startAggregator = async (maxFutureMs: number) => {
    const aggregator = startApp('aggregator', [], { ...environment, MAX_FUTURE_MS: String(maxFutureMs) });
    await aggregator.waitForLine((line) => line.startsWith('ready'));
    return aggregator;
  };
  const sendAgain = async () => {
    const replay = startApp('producer', ['replay', '--dead-letters'], environment);
    expect(await replay.ended).toBe(0);
    return replay.stdout.at(-1);
  };

  const strict = await startAggregator(MINUTE_MS);
  const follow = startApp('results-consumer', ['follow', '--last', '100'], environment);
  const untilCounted = (clicks: number) =>
    follow.waitForLine((line) => line === `User 42 has clicked ${clicks} times.`);
  await write(['ahead-1', now + 10 * MINUTE_MS], ['ahead-2', now + 11 * MINUTE_MS], ['punctual', now]);
  await untilCounted(1);
  await expect
    .poll(async () => {
      const list = startApp('results-consumer', ['dead-letters'], environment);
      await list.ended;
      return list.stderr.at(-1);
    })
    .toBe('2 dead letters: 2 future');
  expect(await strict.stop()).toBe(0);

  const lenient = await startAggregator(60 * MINUTE_MS);
  expect(await sendAgain()).toMatch(/^summary: sent 2, acknowledged 2, /);
  await untilCounted(3);
  expect(await sendAgain()).toMatch(/^summary: sent 0, acknowledged 0, /);
  // Their sender repeats them as well.
  await write(['ahead-2', now + 11 * MINUTE_MS], ['ahead-1', now + 10 * MINUTE_MS], ['last', now]);
  await untilCounted(4);
  expect(follow.stdout.at(-1)).toBe('User 42 has clicked 4 times.');
  expect(await lenient.stop()).toBe(0);
  await assertVerified({ environment });
});
