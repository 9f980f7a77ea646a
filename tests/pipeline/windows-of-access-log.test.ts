import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { createLogger, createPartitionReader } from '@clickstream/kafka-client';
import { decodePageClicks, decodeUserSession, isClosedUntilKey } from '@clickstream/schema';
import { assertVerified } from '@clickstream/test-harness';
import { expect, onTestFinished, test } from 'vitest';
import { startApp } from './app-process.ts';
import { pipelineEnvironment } from './pipeline-environment.ts';
import { recountInSql } from './recount-in-sql.ts';

const log = fileURLToPath(new URL('../../apps/producer/test/fixtures/access-2015.log.gz', import.meta.url));

/** Newest value of each key of a topic by now, one map per partition. */
async function readNewest(brokers: string, topic: string): Promise<Map<string, Buffer | null>[]> {
  const reader = await createPartitionReader({
    connection: { brokers: [brokers], clientId: 'test' },
    log: createLogger('test', { LOG_LEVEL: 'silent' }, false),
  });
  onTestFinished(() => reader.close());
  const ends = await reader.endOffsets(topic);
  return Promise.all(
    ends.map(async (to, partition) => {
      const newest = new Map<string, Buffer | null>();
      for await (const batch of reader.read({ topic, partition, from: 0n, to }))
        for (const record = batch.walk(); record.next();) {
          const value = record.value();
          newest.set(String(record.key()), value && Buffer.from(value));
        }
      return newest;
    }),
  );
}

test(
  "a replayed access log has the windows and sessions of SQL's recount",
  { timeout: 240_000 },
  async () => {
    const environment = {
      ...pipelineEnvironment(),
      // The log is in order up to a minute.
      GRACE_MS: '60000',
    };
    const lines = gunzipSync(readFileSync(log)).toString('utf8').trimEnd().split('\n');
    const aggregator = startApp('aggregator', [], environment);
    await aggregator.waitForLine((line) => line.startsWith('ready'));
    expect(await startApp('producer', ['replay', log, '--speed', 'max'], environment).ended).toBe(0);
    const brokers = environment.KAFKA_BROKERS;
    await expect
      .poll(async () => sumOfTotals(await readNewest(brokers, environment.USER_CLICK_AGGREGATION_TOPIC)), {
        timeout: 30_000,
        interval: 500,
      })
      .toBe(lines.length);

    const pages = new Map<string, { clicks: number; users: number }>();
    for (const results of await readNewest(brokers, environment.PAGE_CLICK_AGGREGATION_TOPIC))
      for (const [key, value] of results) {
        if (isClosedUntilKey(Buffer.from(key))) continue;
        const decoded = decodePageClicks(Buffer.from(key), value);
        if (decoded.status === 'malformed') throw new Error(decoded.detail);
        const { windowStart, page, clicks, users } = decoded.value;
        const sum = pages.get(`${windowStart} ${page}`) ?? { clicks: 0, users: 0 };
        pages.set(`${windowStart} ${page}`, { clicks: sum.clicks + clicks, users: sum.users + users });
      }
    const sessions = new Map<string, string>();
    for (const results of await readNewest(brokers, environment.USER_SESSION_AGGREGATION_TOPIC))
      for (const [key, value] of results) {
        // Became part of another one.
        if (value === null) continue;
        const decoded = decodeUserSession(Buffer.from(key), value);
        if (decoded.status === 'malformed') throw new Error(decoded.detail);
        const { end, clicks, entryUrl, exitUrl } = decoded.value;
        sessions.set(key, `until ${end}, ${clicks} clicks, ${entryUrl} to ${exitUrl}`);
      }

    const expected = recountInSql(lines);
    expect(expected.pages.size).toBeGreaterThan(1_000);
    expect(expected.sessions.size).toBeGreaterThan(1_753);
    const found = [...pages].map(
      ([key, { clicks, users }]) => [key, `${clicks} clicks, ${users} users`] as const,
    );
    expect(new Map(found)).toEqual(expected.pages);
    expect(sessions).toEqual(expected.sessions);
    expect(await aggregator.stop()).toBe(0);
    await assertVerified({ environment });
  },
);

function sumOfTotals(partitions: readonly ReadonlyMap<string, Buffer | null>[]): number {
  return partitions
    .flatMap((totals) => [...totals.values()])
    .map((value) => (JSON.parse(String(value)) as { clicks: number }).clicks)
    .reduce((sum, clicks) => sum + clicks, 0);
}
