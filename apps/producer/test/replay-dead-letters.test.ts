import { homePartition } from '@clickstream/kafka-client';
import type {} from '@clickstream/local-kafka/vitest';
import { describe, expect, inject, test } from 'vitest';
import { createDeadLetterTopics } from './dead-letters.ts';
import { runApp } from './run-producer.ts';

const brokers = inject('kafkaBrokers');
const PARTITIONS = 4;
const home = (key: string) => homePartition(Buffer.from(key), PARTITIONS);

describe('replay --dead-letters', { timeout: 240_000 }, () => {
  test('sends rejected clicks as they came, and says where they stood first', async () => {
    const topics = await createDeadLetterTopics(brokers);
    await topics.write(
      {
        reason: 'future',
        partition: 2,
        offset: 17n,
        key: Buffer.from([0, 0xff]),
        value: Buffer.from([0x7b, 0xff, 0]),
        headers: [
          ['schema-version', Buffer.from('1')],
          ['twice', Buffer.from('a')],
          ['twice', Buffer.from('b')],
          ['twice', Buffer.from('c')],
          ['__proto__', Buffer.from([0xff])],
          ['empty', Buffer.alloc(0)],
        ],
      },
      // The second time that it was rejected: the first place is the one that counts.
      {
        reason: 'malformed',
        offset: 99n,
        key: Buffer.from('42'),
        headers: [['click-origin', Buffer.from('elsewhere/3/7')]],
      },
      {
        reason: 'malformed',
        offset: 100n,
        key: Buffer.from('42'),
        headers: [
          ['click-origin', Buffer.from('elsewhere/3/7')],
          ['click-origin', Buffer.from('nonsense')],
        ],
      },
    );
    const { stdout, stderr, exitCode } = await topics.replay();
    expect(stdout).toMatch(
      /^malformed: sent 2, acknowledged 2, failed 0, cut 0, unreadable 0\nfuture: sent 1, acknowledged 1, failed 0, cut 0, unreadable 0\nsummary: sent 3, acknowledged 3, failed 0, cut 0, unreadable 0, over [\d.]+ s$/,
    );
    expect(stderr).toMatch(
      /^ready: replaying dead letters \(malformed, unsupported-version, future, too-large, misrouted\) of dead-letters-\S+ to clicks-\S+ at \S+$/,
    );
    expect(exitCode).toBe(0);
    const records = await topics.read();
    expect(records).toHaveLength(3);
    expect(records).toEqual(
      expect.arrayContaining([
        {
          partition: homePartition(Buffer.from([0, 0xff]), PARTITIONS),
          key: '\0\xff',
          value: '{\xff\0',
          headers: [
            ['schema-version', '1'],
            ['twice', 'a'],
            ['twice', 'b'],
            ['twice', 'c'],
            ['__proto__', '\xff'],
            ['empty', ''],
            ['click-origin', `${topics.clicks}/2/17`],
          ],
        },
        { partition: home('42'), key: '42', value: null, headers: [['click-origin', 'elsewhere/3/7']] },
        {
          partition: home('42'),
          key: '42',
          value: null,
          headers: [['click-origin', `${topics.clicks}/0/100`]],
        },
      ]),
    );
  });

  test('places clicks without key by their user, and where they were if nobody can tell', async () => {
    const topics = await createDeadLetterTopics(brokers);
    const user = Array.from({ length: 20 }, (_, index) => `user${index}`).find((name) => home(name) === 1)!;
    await topics.write(
      { reason: 'future', partition: 3, value: Buffer.from(`User ${user} clicked on /a at 9`) },
      { reason: 'malformed', partition: 3, value: Buffer.from('?') },
      { reason: 'malformed', partition: 2, value: null },
    );
    expect((await topics.replay()).exitCode).toBe(0);
    expect((await topics.read()).map(({ partition, value }) => [partition, value])).toEqual([
      [1, `User ${user} clicked on /a at 9`],
      [2, null],
      [3, '?'],
    ]);
  });

  test('sends nothing in a second run, and skips nothing through a filter', async () => {
    const topics = await createDeadLetterTopics(brokers);
    const reasons = ['malformed', 'future', 'misrouted'] as const;
    const write = (from: number) =>
      topics.write(
        ...Array.from({ length: 30 }, (_, index) => ({
          reason: reasons[index % 3]!,
          partition: index % PARTITIONS,
          key: Buffer.from(`${reasons[index % 3]!} ${from + index}`),
        })),
      );
    const keys = async () => (await topics.read()).map(({ key }) => key!).toSorted();
    await write(0);
    expect((await topics.replay('--reason', 'future')).stdout).toMatch(
      /^summary: sent 10, acknowledged 10,/m,
    );
    expect((await topics.replay('--reason', 'future')).stdout).toMatch(/^summary: sent 0, acknowledged 0,/m);
    await write(30);
    expect((await topics.replay('--reason', 'misrouted')).stdout).toMatch(/^summary: sent 20,/m);
    expect((await topics.replay()).stdout).toMatch(/^summary: sent 30, acknowledged 30, failed 0,/m);
    const expected = Array.from({ length: 60 }, (_, index) => `${reasons[index % 3]!} ${index}`).toSorted();
    expect(await keys()).toEqual(expected);
    const last = await topics.replay();
    expect(last.stdout).toMatch(/^summary: sent 0, acknowledged 0, failed 0, cut 0, unreadable 0, /);
    expect(last.exitCode).toBe(0);
    expect(await keys()).toEqual(expected);
  });

  test('leaves alone what is counted already, unless forced', async () => {
    const topics = await createDeadLetterTopics(brokers);
    await topics.write(
      { reason: 'late', key: Buffer.from('1') },
      { reason: 'missed', key: Buffer.from('2') },
      { reason: 'session-late', key: Buffer.from('3') },
    );
    expect((await topics.replay()).stdout).toMatch(/^summary: sent 0, /);
    expect(await topics.read()).toEqual([]);
    const forced = await topics.replay('--reason', 'late', '--force');
    expect(forced.stdout).toMatch(/^late: sent 1, .*\nsummary: sent 1, acknowledged 1, /);
    expect((await topics.read()).map(({ key }) => key)).toEqual(['1']);
    expect((await topics.replay('--reason', 'late', '--force')).stdout).toMatch(/^summary: sent 0, /);
  });

  test('reports what cannot be sent again: what was cut, and what is no dead letter', async () => {
    const topics = await createDeadLetterTopics(brokers);
    await topics.write(
      { reason: 'too-large', partition: 1, offset: 5n, value: Buffer.alloc(900 * 1024, 'x') },
      { reason: 'too-large', partition: 1, offset: 6n, key: Buffer.from('whole') },
    );
    for (let count = 0; count < 7; count++)
      await topics.writeRecord({
        key: null,
        value: null,
        partition: 3,
        headers: { 'dead-letter-reason': '\u001b' },
      });
    const { stdout, stderr, exitCode } = await topics.replay();
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^summary: sent 1, acknowledged 1, failed 0, cut 1, unreadable 7, /m);
    expect(stderr.split('\n').slice(1)).toEqual([
      ...[0, 1, 2, 3, 4].map(
        (offset) =>
          `${topics.deadLetters} [3] @ ${offset} is no dead letter: header dead-letter-reason is missing or wrong`,
      ),
      'further ones that are unreadable are only counted',
      `${topics.deadLetters} [1] @ 0 is not sent: of the 921600 bytes of ${topics.clicks} [1] @ 5 only the first are left`,
    ]);
    expect((await topics.read()).map(({ key }) => key)).toEqual(['whole']);
    expect((await topics.replay()).stdout).toMatch(/^summary: sent 0, .* cut 0, unreadable 0, /m);
  });

  test('goes up to where the dead letters end when it starts, over several transactions', async () => {
    const topics = await createDeadLetterTopics(brokers);
    const count = 12_345;
    await topics.write(
      ...Array.from({ length: count }, (_, index) => ({
        reason: 'malformed' as const,
        partition: index % PARTITIONS,
        key: Buffer.from(String(index)),
      })),
    );
    expect((await topics.replay()).stdout).toMatch(
      /^summary: sent 12345, acknowledged 12345, failed 0, cut 0, unreadable 0, /m,
    );
    const keys = (await topics.read()).map(({ key }) => Number(key)).toSorted((a, b) => a - b);
    expect(keys).toEqual(Array.from({ length: count }, (_, index) => index));
  });
});

describe('the command line of replay --dead-letters', () => {
  test.each([
    [
      ['--dead-letters', '--reason', 'unknown'],
      "'unknown' is invalid. Allowed choices are malformed, unsupported-version, future, too-large, misrouted, late, missed, session-late.",
    ],
    [['--dead-letters', 'access.log'], '--dead-letters takes no file'],
    [['--dead-letters', '--force'], '--force needs --reason'],
    [['--dead-letters', '--reason', 'late'], 'late clicks are listed, and counted in the running totals'],
    [['--dead-letters', '--reason', 'missed'], 'missed clicks are listed'],
    [['--dead-letters', '--reason', 'session-late'], 'session-late clicks are listed'],
    [['--dead-letters', '--speed', '2'], "cannot be used with option '--speed <factor>'"],
    [['--dead-letters', '--report'], "cannot be used with option '--report'"],
    [['--dead-letters', '--manifest', 'x'], "cannot be used with option '--manifest <file>'"],
    [['access.log', '--reason', 'future'], '--reason and --force need --dead-letters'],
    [['access.log', '--force'], '--reason and --force need --dead-letters'],
  ])('answers %j with one line and exit code 1', async (args, expected) => {
    const { stdout, stderr, exitCode } = await runApp(['replay', ...args]);
    expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 1 });
    expect(stderr).toMatch(/^error: .+\n$/);
    expect(stderr).toContain(expected);
  });
});
