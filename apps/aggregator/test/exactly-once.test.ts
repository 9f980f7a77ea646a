import { setTimeout as delay } from 'node:timers/promises';
import { CRASH_POINTS, type CrashPoint } from '@clickstream/kafka-client';
import {
  assertExact,
  assertVerified,
  createClickLoad,
  createRandomSource,
  startAggregator,
  untilAllRead,
} from '@clickstream/test-harness';
import { describe, test } from 'vitest';
import { createTestTopics } from './test-topics.ts';
import { useWitness } from './use-witness.ts';

/** Kills per test at random moments; `TEST_ROUNDS` asks for more. */
const ROUNDS = Number(process.env['TEST_ROUNDS'] ?? 3);
const SEED = Number(process.env['TEST_SEED'] ?? Date.now() % 1_000_000);
const CLICKS_PER_SECOND = 300;

/** Those that come in transactions of any size. */
const SMALL_CRASH_POINTS = CRASH_POINTS.filter((point) => point !== 'after-send');

/** Where a zombie is stopped: while it restores, and with its transaction open. */
const ZOMBIE_STOPS: readonly CrashPoint[] =
  ROUNDS > 3 ? SMALL_CRASH_POINTS : ['after-fence', 'during-restore', 'after-offsets'];

/** One total per click, in transactions that end in the middle of a batch. */
const EVERY = { RESULT_EMIT: 'every', COMMIT_MAX_RECORDS: '20' };
/** A static member, so that the group gives its partitions back to it at once. */
const SAME_SEAT = { ...EVERY, INSTANCE_ID: 'one' };

const witness = useWitness();
process.stderr.write(`exactly-once: TEST_SEED=${SEED} TEST_ROUNDS=${ROUNDS}\n`);

describe.concurrent('every click is counted once', { timeout: 240_000 + 30_000 * ROUNDS }, () => {
  test('after kill -9 at each named moment', async ({ expect, onTestFinished }) => {
    const random = createRandomSource(SEED);
    const topics = await createTestTopics(witness, onTestFinished);
    const load = createClickLoad(topics, random);
    const stopWriting = load.keepWriting(CLICKS_PER_SECOND);
    for (let round = 0; round < ROUNDS; round += 3)
      // In the order of a transaction first, so that there is something to restore.
      for (const at of [...SMALL_CRASH_POINTS.slice(2), ...SMALL_CRASH_POINTS.slice(0, 2)]) {
        const crash = { at, count: 1 + random.below(3) };
        const { signal, stderr } = await startAggregator(topics, { environment: SAME_SEAT, crash }).ended;
        expect(signal, `${at}: ${stderr}`).toBe('SIGKILL');
      }
    const last = startAggregator(topics, { environment: SAME_SEAT });
    await last.ready();
    await stopWriting();
    await assertExact(witness, topics, load);
    await assertVerified(topics);
  });

  test('after kill -9 between two requests of one transaction', async ({ expect, onTestFinished }) => {
    const topics = await createTestTopics(witness, onTestFinished, { partitions: 1 });
    const load = createClickLoad(topics, createRandomSource(SEED));
    const environment = { RESULT_EMIT: 'every', INSTANCE_ID: 'one' };
    for (const count of [1, 2]) {
      await load.write(20_000);
      const crash = { at: 'after-send', count } as const;
      const { signal, stderr } = await startAggregator(topics, { environment, crash }).ended;
      expect(signal, stderr).toBe('SIGKILL');
    }
    await startAggregator(topics, { environment }).ready();
    await assertExact(witness, topics, load);
    await assertVerified(topics);
  });

  test('after kill -9 at random moments, with one instance', async ({ onTestFinished }) => {
    const random = createRandomSource(SEED);
    const topics = await createTestTopics(witness, onTestFinished);
    const load = createClickLoad(topics, random);
    const stopWriting = load.keepWriting(CLICKS_PER_SECOND);
    for (let round = 0; round < ROUNDS; round++) {
      const instance = startAggregator(topics, { environment: SAME_SEAT });
      // Sometimes before it counts, sometimes after.
      if (round % 3 > 0) await instance.ready();
      await delay(random.below(1_000));
      instance.kill('SIGKILL');
      await instance.ended;
    }
    const last = startAggregator(topics, { environment: SAME_SEAT });
    await last.ready();
    await stopWriting();
    await assertExact(witness, topics, load);
    await assertVerified(topics);
  });

  test('after kill -9 at random moments, with two instances', async ({ onTestFinished }) => {
    const random = createRandomSource(SEED);
    const topics = await createTestTopics(witness, onTestFinished);
    const load = createClickLoad(topics, random);
    const stopWriting = load.keepWriting(CLICKS_PER_SECOND);
    const start = () => startAggregator(topics, { environment: EVERY });
    const instances = [start(), start()];
    await Promise.all(instances.map((instance) => instance.ready()));
    for (let round = 0; round < ROUNDS; round++) {
      const victim = random.below(2);
      await delay(random.below(1_000));
      instances[victim]!.kill('SIGKILL');
      instances[victim] = start();
      await instances[victim].ready();
    }
    await stopWriting();
    await assertExact(witness, topics, load);
    await assertVerified(topics);
  });

  test('while instances join and leave', async ({ expect, onTestFinished }) => {
    const topics = await createTestTopics(witness, onTestFinished);
    const load = createClickLoad(topics, createRandomSource(SEED));
    const stopWriting = load.keepWriting(CLICKS_PER_SECOND);
    const start = () => startAggregator(topics, { environment: EVERY });
    let staying = start();
    await staying.ready();
    for (let round = 0; round < ROUNDS; round++) {
      const joining = start();
      await joining.ready();
      staying.kill('SIGTERM');
      expect(await staying.ended).toMatchObject({ exitCode: 0 });
      staying = joining;
    }
    await stopWriting();
    await assertExact(witness, topics, load);
    await assertVerified(topics);
    staying.kill('SIGTERM');
    expect(await staying.ended).toMatchObject({ exitCode: 0 });
  });

  test('when a second process takes the seat of the first, which ends', async ({
    expect,
    onTestFinished,
  }) => {
    const topics = await createTestTopics(witness, onTestFinished);
    const load = createClickLoad(topics, createRandomSource(SEED));
    const stopWriting = load.keepWriting(CLICKS_PER_SECOND);
    const first = startAggregator(topics, { environment: SAME_SEAT });
    await first.ready();
    const second = startAggregator(topics, { environment: SAME_SEAT });
    const { exitCode, stderr } = await first.ended;
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/^another process has joined .* with INSTANCE_ID one: this one ends$/m);
    await second.ready();
    await stopWriting();
    await assertExact(witness, topics, load);
    await assertVerified(topics);
    second.kill('SIGTERM');
    expect(await second.ended).toMatchObject({ exitCode: 0 });
  });

  test.for(ZOMBIE_STOPS)(
    'while a zombie wakes up that was stopped %s, past its session time-out',
    async (at, { expect, onTestFinished }) => {
      const topics = await createTestTopics(witness, onTestFinished);
      const load = createClickLoad(topics, createRandomSource(SEED));
      await load.write(200);
      const first = startAggregator(topics, { environment: EVERY });
      await untilAllRead(topics, load.written, first);
      first.kill('SIGTERM');
      await first.ended;
      const stopWriting = load.keepWriting(CLICKS_PER_SECOND);
      const crash = { at, count: 2, signal: 'SIGSTOP' } as const;
      const zombie = startAggregator(topics, { environment: EVERY, crash });
      await zombie.stopped();
      const successor = startAggregator(topics, { environment: EVERY });
      // The group waits for the zombie until its session is over.
      await successor.ready();
      await untilAllRead(topics, load.written, successor, { atLeast: true });
      zombie.kill('SIGCONT');
      await zombie.ready();
      await untilAllRead(topics, load.written, successor, { atLeast: true });
      await stopWriting();
      await assertExact(witness, topics, load);
      await assertVerified(topics);
      for (const instance of [zombie, successor]) {
        instance.kill('SIGTERM');
        expect(await instance.ended).toMatchObject({ exitCode: 0 });
      }
    },
  );
});
