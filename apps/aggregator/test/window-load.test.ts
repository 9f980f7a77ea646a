import { setTimeout as delay } from 'node:timers/promises';
import {
  assertBooks,
  assertVerified,
  createClickLoad,
  createRandomSource,
  createWindowLoad,
  startAggregator,
  untilAllRead,
  WINDOW_LOAD_ENVIRONMENT,
} from '@clickstream/test-harness';
import { describe, test } from 'vitest';
import { createTestTopics } from './test-topics.ts';

/** Kills, and joins and leaves; `TEST_ROUNDS` asks for more. */
const ROUNDS = Number(process.env['TEST_ROUNDS'] ?? 3);
const SEED = Number(process.env['TEST_SEED'] ?? Date.now() % 1_000_000);

process.stderr.write(`window-load: TEST_SEED=${SEED} TEST_ROUNDS=${ROUNDS}\n`);

describe.concurrent(
  '1,000 clicks on each of 6 pages in each window are 1,000 in its final result',
  { timeout: 240_000 + 30_000 * ROUNDS },
  () => {
    test('through kill -9 at random moments', async ({ expect, onTestFinished }) => {
      const random = createRandomSource(SEED);
      const topics = await createTestTopics({ topicPrefix: 'totals-' }, onTestFinished);
      const load = createClickLoad(topics, random);
      const windowLoad = createWindowLoad(topics, load, random);
      // A static member, so that the group gives its partitions back to it at once.
      const start = () =>
        startAggregator(topics, { environment: { ...WINDOW_LOAD_ENVIRONMENT, INSTANCE_ID: 'one' } });
      const stopWriting = windowLoad.keepWriting();
      for (let round = 0; round < ROUNDS; round++) {
        const instance = start();
        // Mostly while it counts, sometimes while it starts.
        if (round % 4 < 3) await instance.ready();
        await delay(random.below(1_500));
        instance.kill('SIGKILL');
        expect(await instance.ended).toMatchObject({ signal: 'SIGKILL' });
      }
      await start().ready();
      await stopWriting();
      await windowLoad.assertFinal();
      expect(await assertBooks(topics, load.written)).toMatchObject({
        late: 0,
        sessionLate: 0,
        duplicate: 0,
      });
      await assertVerified(topics);
    });

    test('through 2 → 1 → 2 instances', async ({ expect, onTestFinished }) => {
      const random = createRandomSource(SEED + 1);
      const topics = await createTestTopics({ topicPrefix: 'totals-' }, onTestFinished);
      const load = createClickLoad(topics, random);
      const windowLoad = createWindowLoad(topics, load, random);
      const start = () => startAggregator(topics, { environment: WINDOW_LOAD_ENVIRONMENT });
      let [staying, leaving] = [start(), start()];
      await Promise.all([staying.ready(), leaving.ready()]);
      const stopWriting = windowLoad.keepWriting();
      for (let round = 0; round < ROUNDS; round += 3) {
        await untilAllRead(topics, load.written + 1_000, staying, { atLeast: true });
        leaving.kill('SIGTERM');
        expect(await leaving.ended).toMatchObject({ exitCode: 0 });
        await untilAllRead(topics, load.written + 1_000, staying, { atLeast: true });
        [staying, leaving] = [start(), staying];
        await staying.ready();
      }
      await stopWriting();
      await windowLoad.assertFinal();
      expect(await assertBooks(topics, load.written)).toMatchObject({
        late: 0,
        sessionLate: 0,
        duplicate: 0,
      });
      await assertVerified(topics);
    });
  },
);
