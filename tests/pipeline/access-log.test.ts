import { fileURLToPath } from 'node:url';
import { createLogger, createPartitionReader } from '@clickstream/kafka-client';
import { assertVerified } from '@clickstream/test-harness';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { startApp } from './app-process.ts';
import { pipelineEnvironment } from './pipeline-environment.ts';

const log = fileURLToPath(new URL('../../apps/producer/test/fixtures/access-2015.log.gz', import.meta.url));
const CLICKS = 10_000;
const USERS = 1_753;

/** User → clicks, counted by tools that know nothing of us. */
async function countWithShell(): Promise<Map<string, number>> {
  const { stdout } = await execa('sh', ['-c', `gzip -dc "$0" | awk '{ print $1 }' | sort | uniq -c`, log]);
  return new Map(
    stdout.split('\n').map((line) => {
      const [count, user] = line.trim().split(' ');
      return [user ?? '', Number(count)];
    }),
  );
}

/** User → clicks, from the committed results, read until they add up to all clicks. */
async function readTotals(brokers: string, topic: string): Promise<Map<string, number>> {
  const reader = await createPartitionReader({
    connection: { brokers: [brokers], clientId: 'test' },
    log: createLogger('test', { LOG_LEVEL: 'silent' }, false),
  });
  const totals = new Map<string, number>();
  const done = new AbortController();
  const partitions = await reader.partitionCount(topic);
  await Promise.all(
    Array.from({ length: partitions }, async (_, partition) => {
      for await (const batch of reader.read({ topic, partition, from: 0n }, done.signal))
        for (const record = batch.walk(); record.next();) {
          const { userId, clicks } = JSON.parse(record.value()?.toString('utf8') ?? '') as {
            userId: string;
            clicks: number;
          };
          totals.set(userId, clicks);
          if ([...totals.values()].reduce((sum, count) => sum + count, 0) >= CLICKS) done.abort();
        }
    }),
  );
  await reader.close();
  return totals;
}

test('a replayed access log is counted as a shell pipeline counts it', { timeout: 240_000 }, async () => {
  const environment = pipelineEnvironment();
  const aggregator = startApp('aggregator', [], environment);
  await aggregator.waitForLine((line) => line.startsWith('ready'));
  const replay = startApp('producer', ['replay', log, '--speed', 'max'], environment);
  expect(await replay.ended).toBe(0);

  const totals = await readTotals(environment.KAFKA_BROKERS, environment.USER_CLICK_AGGREGATION_TOPIC);

  const expected = await countWithShell();
  expect(expected.size).toBe(USERS);
  expect(totals).toEqual(expected);
  expect(await aggregator.stop()).toBe(0);
  await assertVerified({ environment });
});

test('what was counted is not counted again after a restart', { timeout: 240_000 }, async () => {
  const environment = pipelineEnvironment();
  const simulate = ['simulate', '--count', '500', '--rate', 'max', '--users', '1', '--no-report'];
  const follow = startApp('results-consumer', ['follow'], environment);
  await follow.waitForLine((line) => line.startsWith('ready'));

  for (const clicks of [500, 1000]) {
    const aggregator = startApp('aggregator', [], environment);
    await aggregator.waitForLine((line) => line.startsWith('ready'));
    expect(await startApp('producer', simulate, environment).ended).toBe(0);
    await follow.waitForLine((line) => line === `User 1 has clicked ${clicks} times.`);
    expect(await aggregator.stop()).toBe(0);
  }
  await assertVerified({ environment });
});
