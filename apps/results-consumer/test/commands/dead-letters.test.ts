import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, inject, test } from 'vitest';
import { startResultsConsumer } from '../results-consumer-process.ts';
import { createTestTopics } from '../test-topics.ts';

const brokers = inject('kafkaBrokers');
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z /;

describe('dead-letters', () => {
  test('lists all there are in order of time, and counts them by reason', async () => {
    const topics = await createTestTopics(brokers, { partitions: 2 });
    for (const letter of [
      topics.letter({ reason: 'malformed', detail: 'unknown-form: no', value: Buffer.from('hello') }),
      topics.letter({ reason: 'late', partition: 1, offset: 5n, value: Buffer.from('User 42 …') }),
      topics.letter({ reason: 'malformed', detail: 'no-value: none' }),
    ]) {
      await topics.write(letter);
      // The order across partitions is told by the broker's time alone, in milliseconds.
      await delay(20);
    }
    const { exitCode, stdout, stderr } = await startResultsConsumer(['dead-letters'], topics.environment)
      .ended;
    const lines = stdout.split('\n');
    expect(lines.map((line) => line.replace(TIME, ''))).toEqual([
      `malformed ${topics.clicks} [0] @ 17: unknown-form: no: "hello"`,
      `late ${topics.clicks} [1] @ 5: made up: "User 42 …"`,
      `malformed ${topics.clicks} [0] @ 17: no-value: none: no value`,
      '',
    ]);
    expect(lines.filter((line) => TIME.test(line))).toHaveLength(3);
    expect(stderr).toBe(
      `ready: listing ${topics.deadLetters} at ${brokers} (2 partitions)\n3 dead letters: 2 malformed, 1 late\n`,
    );
    expect(exitCode).toBe(0);
  });

  test('ends also where there is none, and where the topic had to be created', async () => {
    const topics = await createTestTopics(brokers);
    const environment = { ...topics.environment, DEAD_LETTER_TOPIC: `${topics.deadLetters}-new` };
    const { exitCode, stdout, stderr } = await startResultsConsumer(['dead-letters'], environment).ended;
    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: '' });
    expect(stderr).toMatch(/^0 dead letters$/m);
  });

  test('with --reason lists and counts those only', async () => {
    const topics = await createTestTopics(brokers, { partitions: 1 });
    await topics.write(
      topics.letter({ reason: 'future', offset: 1n }),
      topics.letter({ reason: 'malformed', offset: 2n }),
      { topic: topics.deadLetters, key: null, value: Buffer.from('none') },
    );
    const { stdout, stderr } = await startResultsConsumer(
      ['dead-letters', '--reason', 'malformed'],
      topics.environment,
    ).ended;
    expect(stdout.replace(TIME, '')).toBe(`malformed ${topics.clicks} [0] @ 2: made up: no value\n`);
    expect(stderr).toMatch(/\n1 dead letter: 1 malformed\n$/);
  });

  test('shows hostile bytes safely, what was cut, and what is no dead letter', async () => {
    const topics = await createTestTopics(brokers, { partitions: 1 });
    await topics.write(
      topics.letter({
        reason: 'malformed',
        detail: 'd\u001b[2J',
        value: Buffer.from([0x1b, 0x5b, 0x32, 0x4a, 0xff]),
      }),
      topics.letter({ reason: 'too-large', value: Buffer.alloc(900 * 1024, 'x') }),
      { topic: topics.deadLetters, key: null, value: Buffer.from('\u001bnone') },
    );
    const { stdout, stderr } = await startResultsConsumer(['dead-letters'], topics.environment).ended;
    expect(stdout.split('\n').map((line) => line.replace(TIME, ''))).toEqual([
      `malformed ${topics.clicks} [0] @ 17: d\\x1b[2J: "\\x1b[2J\ufffd"`,
      `too-large ${topics.clicks} [0] @ 17: made up: "${'x'.repeat(80)}…" (cut, had 921600 bytes)`,
      `malformed record ${topics.deadLetters} [0] @ 2: bad-header, header dead-letter-reason is missing or wrong: "\\x1bnone"`,
      '',
    ]);
    expect(stderr).toMatch(/\n3 dead letters: 1 malformed, 1 too-large, 1 unreadable\n$/);
  });

  test('with --json prints each whole, as text or base64', async () => {
    const topics = await createTestTopics(brokers, { partitions: 1 });
    const value = 'User 42 clicked on /\u202e at 1\n';
    await topics.write(
      topics.letter({
        reason: 'missed',
        key: Buffer.from('42'),
        value: Buffer.from(value),
        streamTimeMs: 1_711_111_200_000,
        missedWindows: [1_711_111_080_000],
      }),
      topics.letter({
        reason: 'malformed',
        key: Buffer.from([0xff]),
        value: Buffer.from([0xef, 0xbb, 0xbf, 0xff]),
      }),
      topics.letter({ reason: 'too-large', value: Buffer.alloc(900 * 1024, 'x') }),
      { topic: topics.deadLetters, key: null, value: null },
    );
    const { stdout } = await startResultsConsumer(['dead-letters', '--json'], topics.environment).ended;
    expect(stdout).not.toMatch(/[^\n\P{Cc}]|[\p{Cf}]/u);
    const [missed, malformed, tooLarge, none, ...rest] = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    const origin = {
      detail: 'made up',
      topic: topics.clicks,
      partition: 0,
      offset: '17',
      ingestTime: 1_711_111_111_123,
      writtenAt: expect.any(Number) as unknown,
    };
    expect(missed).toEqual({
      ...origin,
      reason: 'missed',
      key: '42',
      value,
      streamTime: 1_711_111_200_000,
      missedWindows: [1_711_111_080_000],
    });
    expect(malformed).toEqual({ ...origin, reason: 'malformed', keyBase64: '/w==', valueBase64: '77u//w==' });
    expect(tooLarge).toMatchObject({ reason: 'too-large', originalSize: 921_600, key: null });
    expect(none).toEqual({
      malformed: {
        reason: 'bad-header',
        detail: 'header dead-letter-reason is missing or wrong',
        topic: topics.deadLetters,
        partition: 0,
        offset: '3',
        excerpt: '',
      },
    });
    expect(rest).toEqual([]);
  });

  test('ends quietly when nobody reads on, without a count', async () => {
    const topics = await createTestTopics(brokers);
    await topics.write(
      ...Array.from({ length: 20_000 }, (_, index) =>
        topics.letter({ reason: 'malformed', partition: index % 4, value: Buffer.from(`${index}`) }),
      ),
    );
    const list = startResultsConsumer(['dead-letters'], topics.environment);
    await list.lines(1);
    list.closeOutput();
    expect(await list.ended).toMatchObject({
      exitCode: 0,
      stderr: `ready: listing ${topics.deadLetters} at ${brokers} (4 partitions)\n`,
    });
  });
});
