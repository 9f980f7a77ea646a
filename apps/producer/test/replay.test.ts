import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type {} from '@clickstream/local-kafka/vitest';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { lineOf, readClicks, runApp, runProducer, uniqueTopic } from './run-producer.ts';

const FIXTURE = join(import.meta.dirname, 'fixtures/access-2015.log.gz');
const destination = () => ({ brokers: inject('kafkaBrokers'), topic: uniqueTopic() });
const logLine = (path: string, time = '17/May/2015:10:05:03 +0000') =>
  `10.0.0.1 - - [${time}] "GET ${path} HTTP/1.1" 200 12 "-" "test"\n`;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'producer-test-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function write(name: string, content: string | Buffer): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
}

describe('replay', () => {
  test('publishes all 10,000 requests of a real log, each user as often as the log says', async () => {
    const target = destination();
    const { stdout, stderr, exitCode } = await runProducer(target, ['replay', FIXTURE]);
    expect(stdout).toMatch(/^summary: sent 10000, acknowledged 10000, failed 0, malformed 0, /);
    expect(stderr).toMatch(/^ready: replaying /m);
    expect(exitCode).toBe(0);

    const written = await readClicks(target);
    const clicksPerUser = new Map<string, number>();
    for (const { click } of written)
      clicksPerUser.set(click.userId, (clicksPerUser.get(click.userId) ?? 0) + 1);
    const counted = await execa('sh', ['-c', 'gzip -dc "$0" | cut -d " " -f 1 | sort | uniq -c', FIXTURE]);
    const expected = counted.stdout.split('\n').map((line): [string, number] => {
      const [clicks = '', user = ''] = line.trim().split(' ');
      return [user, Number(clicks)];
    });
    expect(expected).toHaveLength(1753);
    expect(clicksPerUser).toEqual(new Map(expected));

    const ids = written.map(({ click }) => click.eventId!);
    expect(new Set(ids.map((id) => id.split('-')[0])).size).toBe(1);
    expect(ids.map((id) => Number(id.split('-')[1])).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 10_000 }, (_, index) => index + 1),
    );
    const first = written.find(({ click }) => click.eventId!.endsWith('-1'));
    expect(first).toMatchObject({
      key: '83.149.9.216',
      click: {
        userId: '83.149.9.216',
        url: '/presentations/logstash-monitorama-2013/images/kibana-search.png',
        timestamp: Date.UTC(2015, 4, 17, 10, 5, 3),
        referrer: 'http://semicomplete.com/presentations/logstash-monitorama-2013/',
        userAgent: expect.stringContaining('Mozilla/5.0 (Macintosh;') as string,
      },
    });
  });

  test('replays standard input as it comes, gzip or not, until a signal', async () => {
    const target = destination();
    const producer = runProducer(target, ['replay', '-', '--report']);
    producer.stdin.write(logLine('/first'));
    await lineOf(producer.stdout, /^Message delivered/);
    producer.stdin.write('10.0.0.1 - - half a li');
    producer.kill('SIGTERM');
    const { stdout, exitCode } = await producer;
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^summary: sent 1, acknowledged 1, failed 0, malformed 0, /m);
    expect((await readClicks(target)).map(({ click }) => click.url)).toEqual(['/first']);

    const packed = await runProducer(destination(), ['replay', '-'], { inputFile: FIXTURE });
    expect(packed.stdout).toMatch(/^summary: sent 10000, acknowledged 10000, /);
  });

  test('keeps the recorded spacing, divided by the speed', async () => {
    const target = destination();
    const log = await write(
      'two-minutes.log',
      logLine('/1', '17/May/2015:10:00:00 +0000') +
        logLine('/2', '17/May/2015:10:01:00 +0000') +
        logLine('/0', '17/May/2015:09:59:00 +0000') +
        logLine('/3', '17/May/2015:12:02:00 +0200'),
    );
    const { stdout, exitCode } = await runProducer(target, ['replay', log, '--speed', '100', '--report']);
    expect(exitCode).toBe(0);
    // 120 s at 100 times the speed are 1.2 s; the click of an earlier time holds nothing up.
    const [, seconds] = /^summary: sent 4, acknowledged 4, .* over ([\d.]+) s/m.exec(stdout) ?? [];
    expect(Number(seconds)).toBeGreaterThanOrEqual(1.2);
    expect(Number(seconds)).toBeLessThan(20);
    expect((await readClicks(target)).map(({ click }) => click.url)).toEqual(['/1', '/2', '/0', '/3']);
  });

  test('stops within seconds when a signal comes between two clicks that are hours apart', async () => {
    const log = await write(
      'hours.log',
      logLine('/1', '17/May/2015:10:00:00 +0000') + logLine('/2', '17/May/2015:20:00:00 +0000'),
    );
    const producer = runProducer(destination(), ['replay', log, '--speed', '1', '--report']);
    await lineOf(producer.stdout, /^Message delivered/);
    producer.kill('SIGINT');
    const { stdout, exitCode } = await producer;
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^summary: sent 1, acknowledged 1, /m);
  });

  test('counts malformed lines, shows the first of them, and publishes the rest', async () => {
    const target = destination();
    const log = await write(
      'mixed.log',
      Buffer.concat([
        Buffer.from(logLine('/1') + 'not a log line \u001b[31m\n'),
        Buffer.concat([Buffer.from('caf'), Buffer.from([0xe9]), Buffer.from('\n')]),
        Buffer.from(`${'x'.repeat(5 * 1024 * 1024)}\n`),
        Buffer.from(logLine(`/${'y'.repeat(9_000)}`)),
        Buffer.from('bad\nbad\nbad\n'),
        Buffer.from(logLine('/9').trimEnd()),
      ]),
    );
    const { stdout, stderr, exitCode } = await runProducer(target, ['replay', log]);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^summary: sent 2, acknowledged 2, failed 0, malformed 7, /);
    const shown = stderr.split('\n').filter((line) => !line.startsWith('{') && !line.startsWith('ready'));
    expect(shown).toEqual([
      'line 2 is no click: does not begin with: address identity user [day/Month/year:hour:minute:second zone]: "not a log line \\x1b[31m"',
      'line 3 is no click: not valid UTF-8: "caf\ufffd"',
      `line 4 is no click: longer than 65536 bytes: "${'x'.repeat(80)}…"`,
      expect.stringMatching(/^line 5 is no click: .*url has 9001 characters, at most 8192 are allowed/),
      expect.stringMatching(/^line 6 is no click: .*"bad"$/),
      'further malformed lines are only counted',
    ]);
    expect((await readClicks(target)).map(({ click }) => click.url)).toEqual(['/1', '/9']);
  });

  test('has little memory in use over a line that never ends', async () => {
    const megabyte = Buffer.alloc(1024 * 1024, 'x');
    const producer = runProducer(destination(), ['replay', '-'], {
      env: { NODE_OPTIONS: '--max-old-space-size=64' },
    });
    // A buffer lives outside the heap that the option bounds: the peak of the whole process counts.
    for (let written = 0; written < 200; written++) {
      if (!producer.stdin.write(megabyte)) await once(producer.stdin, 'drain');
    }
    const { stdout: peak } = await execa('grep', ['VmHWM', `/proc/${producer.pid}/status`], {
      reject: false,
    });
    producer.stdin.end();
    const { stderr, exitCode } = await producer;
    expect(exitCode).toBe(1);
    expect(stderr).toContain('line 1 is no click: longer than 65536 bytes');
    expect(stderr).toContain(
      'standard input is no access log: none of its 1 lines is in common or combined format',
    );
    if (process.platform === 'linux') expect(Number(/\d+/.exec(peak)?.[0])).toBeLessThan(250 * 1024);
  });

  test.each([
    [
      'a missing file',
      () => Promise.resolve(join(folder, 'nowhere.log')),
      /^cannot read .*nowhere\.log: there is no such file\n$/,
    ],
    ['a folder', () => Promise.resolve(folder), /^cannot read .*: it is a folder\n$/],
    ['an empty file', () => write('empty.log', ''), /^\S+empty\.log is empty: there is nothing to replay\n$/],
    [
      'a binary file',
      () => write('binary.log', Buffer.alloc(100_000)),
      /^\S+binary\.log is no access log: it is a binary file\n$/,
    ],
    [
      'damaged gzip',
      () => write('damaged.gz', Buffer.concat([Buffer.from([0x1f, 0x8b]), Buffer.alloc(100, 7)])),
      /^cannot read \S+damaged\.gz: damaged gzip data \(.+\)\n$/,
    ],
  ])('answers %s with one line and exit code 1, without asking Kafka', async (_, path, answer) => {
    const { stdout, stderr, exitCode } = await runApp(['replay', await path()]);
    expect(stderr).toMatch(answer);
    expect(stdout).toBe('');
    expect(exitCode).toBe(1);
  });

  test('answers a file that holds another kind of log, and an empty pipe, with exit code 1', async () => {
    const other = await write('other.log', '2015-05-17 10:05:03 INFO started\n');
    const [wrong, empty] = await Promise.all([
      runProducer(destination(), ['replay', other]),
      runProducer(destination(), ['replay', '-'], { input: '' }),
    ]);
    expect(wrong.stderr).toMatch(/is no access log: none of its 1 lines is in common or combined format$/);
    expect(wrong.exitCode).toBe(1);
    expect(empty.stderr).toMatch(/standard input is empty: there is nothing to replay$/);
    expect(empty.exitCode).toBe(1);
  });
});
