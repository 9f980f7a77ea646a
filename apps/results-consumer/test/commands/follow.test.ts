import { randomUUID } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { describe, expect, inject, test } from 'vitest';
import { startResultsConsumer } from '../results-consumer-process.ts';
import { runInProcess } from '../run-in-process.ts';
import { createTestTopics } from '../test-topics.ts';

const brokers = inject('kafkaBrokers');

describe('follow', () => {
  test('prints results as they arrive, JSON and sentences mixed, and nothing from before', async () => {
    const topics = await createTestTopics(brokers);
    await topics.write(topics.total('42', 16));
    const follow = startResultsConsumer([], topics.environment);
    await follow.ready();
    await topics.write(topics.total('42', 17));
    await follow.lines(1);
    await topics.write(topics.total('42', 18, 'sentence'));
    await follow.lines(2);
    await topics.write(topics.total('Zoë Müller', 1));
    expect(await follow.lines(3)).toEqual([
      'User 42 has clicked 17 times.',
      'User 42 has clicked 18 times.',
      'User Zoë Müller has clicked 1 times.',
    ]);
    follow.kill('SIGTERM');
    expect(await follow.ended).toMatchObject({
      exitCode: 0,
      stderr: `ready: following ${topics.totals} at ${brokers} (4 partitions)\n`,
    });
  });

  test('shows what was written while its process was still starting', async () => {
    const topics = await createTestTopics(brokers);
    await topics.write(topics.total('42', 1), topics.total('43', 1));
    // The process that runs the tests began before these were written.
    const { stdout } = await runInProcess([], topics.environment, (text) => text.includes('43'));
    expect(stdout.split('\n').toSorted()).toEqual([
      '',
      'User 42 has clicked 1 times.',
      'User 43 has clicked 1 times.',
    ]);
  });

  test('with --json prints one object a line', async () => {
    const topics = await createTestTopics(brokers);
    await topics.write(topics.total('42', 17, 'sentence'));
    const follow = startResultsConsumer(['follow', '--json', '--last', '1'], topics.environment);
    expect(await follow.lines(1)).toEqual([
      '{"userId":"42","clicks":17,"lastClickAt":1711111111123,"lastUrl":"/page3"}',
    ]);
  });

  test('with --page shows those whose last click was there only', async () => {
    const topics = await createTestTopics(brokers);
    const follow = startResultsConsumer(
      ['--page', '/page1', '--user', '42', '--user', '43'],
      topics.environment,
    );
    await follow.ready();
    await topics.write(
      topics.total('42', 1, 'json', '/page1?from=mail'),
      topics.total('42', 2, 'sentence', '/page10'),
      topics.total('42', 3, 'sentence', '/page1'),
      topics.total('44', 1, 'json', '/page1'),
    );
    expect(await follow.lines(2)).toEqual(['User 42 has clicked 1 times.', 'User 42 has clicked 3 times.']);
    await topics.write(topics.total('43', 9, 'json', '/page1'));
    expect((await follow.lines(3))[2]).toBe('User 43 has clicked 9 times.');
  });

  test('with --user shows these users only', async () => {
    const topics = await createTestTopics(brokers);
    const follow = startResultsConsumer(['--user', '42', '--user', '44'], topics.environment);
    await follow.ready();
    const users = ['4', '42', '43', '420', '44'];
    await topics.write(...users.map((userId) => topics.total(userId, 1)));
    await topics.write(topics.total('42', 2));
    const lines = await follow.lines(3);
    // In the order of each partition; these users lie in two.
    expect(lines.toSorted()).toEqual([
      'User 42 has clicked 1 times.',
      'User 42 has clicked 2 times.',
      'User 44 has clicked 1 times.',
    ]);
    expect(lines.indexOf('User 42 has clicked 1 times.')).toBeLessThan(
      lines.indexOf('User 42 has clicked 2 times.'),
    );
  });

  test('with --last begins with the newest results of the whole topic, then goes on', async () => {
    const topics = await createTestTopics(brokers);
    // The users lie in several partitions, whose order is told by the broker's time alone, in milliseconds.
    for (const userId of ['a', 'b', 'c', 'd', 'e', 'f']) {
      await topics.write(topics.total(userId, 1));
      await setTimeout(20);
    }
    const follow = startResultsConsumer(['--last', '3'], topics.environment);
    await follow.lines(3);
    await topics.write(topics.total('a', 2));
    expect(await follow.lines(4)).toEqual([
      'User d has clicked 1 times.',
      'User e has clicked 1 times.',
      'User f has clicked 1 times.',
      'User a has clicked 2 times.',
    ]);
  });

  test('with --last looks back as far as it takes to find what the filter lets through', async () => {
    const topics = await createTestTopics(brokers, { partitions: 2 });
    await topics.write(topics.total('rare', 1), topics.total('rare', 2), topics.total('rare', 3));
    const others = Array.from({ length: 6_000 }, (_, index) => topics.total(`user${index % 10}`, index + 1));
    await topics.write(...others);
    const follow = startResultsConsumer(['--last', '2', '--user', 'rare'], topics.environment);
    await follow.lines(2);
    await topics.write(topics.total('rare', 4));
    expect(await follow.lines(3)).toEqual([
      'User rare has clicked 2 times.',
      'User rare has clicked 3 times.',
      'User rare has clicked 4 times.',
    ]);
  });

  test('with --last of more than there is shows all there is', async () => {
    const topics = await createTestTopics(brokers);
    await topics.write(topics.total('42', 1));
    const follow = startResultsConsumer(['--last', '1000'], topics.environment);
    expect(await follow.lines(1)).toEqual(['User 42 has clicked 1 times.']);
  });

  test('lets no user id play with the terminal', async () => {
    const topics = await createTestTopics(brokers, { partitions: 1 });
    const clear = topics.total('\u001b[2J', 1);
    const sentence = startResultsConsumer([], topics.environment);
    const json = startResultsConsumer(['--json'], topics.environment);
    await Promise.all([sentence.ready(), json.ready()]);
    await topics.write(clear, topics.total('\u202egnp.exe', 2), topics.total('ok', 3));
    expect(await sentence.lines(2)).toEqual([
      'User \\u202egnp.exe has clicked 2 times.',
      'User ok has clicked 3 times.',
    ]);
    const [first = ''] = await json.lines(2);
    expect(first).toContain('"userId":"\\u202egnp.exe"');
    expect(JSON.parse(first)).toMatchObject({ userId: '\u202egnp.exe' });
    for (const follow of [sentence, json]) {
      follow.kill('SIGTERM');
      const { stdout, stderr } = await follow.ended;
      for (const harm of ['\u001b', '\u202e']) expect(stdout + stderr).not.toContain(harm);
    }
  });

  test('reports what is no result once for each reason, passes over tombstones and goes on', async () => {
    const topics = await createTestTopics(brokers, { partitions: 1 });
    const follow = startResultsConsumer([], topics.environment);
    await follow.ready();
    const record = (value: string | null) => ({
      topic: topics.totals,
      key: Buffer.from('42'),
      value: value === null ? null : Buffer.from(value),
    });
    await topics.write(record('{'), record('?'), record('{'), record(null), topics.total('42', 3));
    expect(await follow.lines(1)).toEqual(['User 42 has clicked 3 times.']);
    follow.kill('SIGTERM');
    const { exitCode, stderr } = await follow.ended;
    expect(exitCode).toBe(0);
    expect(stderr.split('\n').filter((line) => line.includes('not a running total'))).toHaveLength(2);
    expect(stderr).toContain(`${topics.totals} [0] @ 0: not-json`);
    expect(stderr).toContain(`${topics.totals} [0] @ 1: unknown-form`);
    expect(stderr).toContain('passed over 3 records: 2 not-json, 1 unknown-form');
  });

  test('runs in several copies, each of which shows everything', async () => {
    const topics = await createTestTopics(brokers);
    const copies = [0, 1].map(() => startResultsConsumer([], topics.environment));
    await Promise.all(copies.map((copy) => copy.ready()));
    await topics.write(topics.total('42', 1));
    for (const copy of copies) expect(await copy.lines(1)).toEqual(['User 42 has clicked 1 times.']);
  });

  test('creates the topics that are missing before it says ready', async () => {
    const id = randomUUID();
    const follow = startResultsConsumer([], {
      KAFKA_BROKERS: brokers,
      CLICKSTREAM_TOPIC: `clicks-${id}`,
      USER_CLICK_AGGREGATION_TOPIC: `totals-${id}`,
      TOPIC_PARTITIONS: '3',
    });
    await follow.says(`ready: following totals-${id} at ${brokers} (3 partitions)\n`);
  });

  test('refuses topics whose partitions do not match', async () => {
    const four = await createTestTopics(brokers, { partitions: 4 });
    const one = await createTestTopics(brokers, { partitions: 1 });
    const follow = startResultsConsumer([], { ...four.environment, CLICKSTREAM_TOPIC: one.clicks });
    const { exitCode, stderr } = await follow.ended;
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/^topic totals-\S+ has 4 partitions and clicks-\S+ has 1: .*\n$/);
  });
});
