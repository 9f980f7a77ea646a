import { homePartition } from '@clickstream/kafka-client';
import type {} from '@clickstream/local-kafka/vitest';
import { expect, inject, test } from 'vitest';
import { createClickGenerator } from '../src/core/click-generator.ts';
import { lineOf, readClicks, runProducer, uniqueTopic } from './run-producer.ts';

const destination = () => ({ brokers: inject('kafkaBrokers'), topic: uniqueTopic() });

test('publishes the count at the rate, reports each click and sums up', async () => {
  const target = destination();
  const before = Date.now();
  const args = ['--rate', '10', '--count', '5', '--run-id', 'r1'];
  const { stdout, stderr, exitCode } = await runProducer(target, args);
  const after = Date.now();

  expect(exitCode).toBe(0);
  expect(stderr).toMatch(
    new RegExp(
      `^ready: publishing clicks to ${target.topic} at \\S+, 10 per second \\(run r1, seed \\d+\\)$`,
      'm',
    ),
  );
  const written = await readClicks(target);
  const lines = stdout.split('\n');
  const reports = written.map(({ partition }, index) => {
    const offset = written.slice(0, index).filter((earlier) => earlier.partition === partition).length;
    return `Message delivered to ${target.topic} [${partition}] @ ${offset}`;
  });
  expect(lines.slice(0, -1).sort()).toEqual(reports.sort());
  expect(lines.at(-1)).toMatch(
    /^summary: sent 5, acknowledged 5, failed 0, malformed 0, \d+\.\d\d clicks\/s over \d+\.\d s, acknowledged within p50 [\d.]+ ms, p99 [\d.]+ ms$/,
  );

  const numberOf = ({ eventId = '' }: { eventId?: string | undefined }) => Number(eventId.split('-')[1]);
  const clicks = written.map(({ click }) => click).sort((a, b) => numberOf(a) - numberOf(b));
  expect(clicks.map(({ eventId }) => eventId)).toEqual(['r1-1', 'r1-2', 'r1-3', 'r1-4', 'r1-5']);
  expect(clicks[0]!.timestamp).toBeGreaterThanOrEqual(before);
  expect(clicks[4]!.timestamp).toBeLessThanOrEqual(after);
  // Ten a second from the beginning on: the fifth is due after 400 ms, and any of them may be late.
  expect(Number(/ over (\S+) s,/.exec(stdout)?.[1])).toBeGreaterThanOrEqual(0.4);
  for (const { key, partition, click } of written) {
    expect(key).toBe(click.userId);
    expect(partition).toBe(homePartition(Buffer.from(click.userId), 4));
    expect(Number(click.userId)).toBeGreaterThanOrEqual(1);
    expect(Number(click.userId)).toBeLessThanOrEqual(100);
    expect(click.url).toMatch(/^\/page([1-9]|10)$/);
  }
});

test('writes sentences, and draws users and pages from the seed', async () => {
  const target = destination();
  const { stdout, exitCode } = await runProducer(target, [
    ...['simulate', '--format', 'sentence', '--count', '20', '--rate', 'max'],
    ...['--users', '30', '--pages', '5', '--seed', '7', '--skew', '1'],
  ]);
  expect(exitCode).toBe(0);
  expect(stdout).toMatch(/^summary: sent 20, acknowledged 20, failed 0, /); // nobody reads reports at this rate
  const written = await readClicks(target);
  for (const { value } of written) {
    expect(value).toMatch(/^User \d{1,2} clicked on \/page[1-5] at \d{10}\.\d{3}$/);
  }
  const generator = createClickGenerator({ users: 30, pages: 5, seed: 7, skew: 1, runId: '' });
  const expected = Array.from({ length: 20 }, () => generator.next(0)).map(
    ({ userId, url }) => `${userId} ${url}`,
  );
  expect(written.map(({ click }) => `${click.userId} ${click.url}`).sort()).toEqual(expected.sort());
});

test('makes up for late timers: 5000 a second for two seconds is 10,000 clicks', async () => {
  const { stdout, exitCode } = await runProducer(destination(), ['--rate', '5000', '--duration', '2s']);
  expect(stdout).toMatch(/^summary: sent 10000, acknowledged 10000, failed 0, /);
  expect(exitCode).toBe(0);
});

test.each([
  { flags: ['--rate', 'max', '--report'], reports: 3 },
  { flags: ['--rate', '10', '--no-report'], reports: 0 },
])('prints $reports reports of 3 clicks with $flags', async ({ flags, reports }) => {
  const { stdout } = await runProducer(destination(), ['simulate', '--count', '3', ...flags]);
  expect(stdout).toMatch(/^summary: sent 3, acknowledged 3, /m);
  expect(stdout.match(/^Message delivered to /gm) ?? []).toHaveLength(reports);
});

test.each(['SIGTERM', 'SIGINT'] as const)(
  'on %s stops, delivers what it took and sums up',
  async (signal) => {
    const target = destination();
    const producer = runProducer(target, ['simulate', '--rate', '500', '--report']);
    await lineOf(producer.stdout, /^Message delivered/);
    const stoppedAt = performance.now();
    producer.kill(signal);
    const { exitCode, stdout } = await producer;
    expect(performance.now() - stoppedAt).toBeLessThan(5_000);
    expect(exitCode).toBe(0);
    const [, sent, acknowledged] = /^summary: sent (\d+), acknowledged (\d+), failed 0/m.exec(stdout) ?? [];
    expect(sent).toBe(acknowledged);
    expect(await readClicks(target)).toHaveLength(Number(sent));
  },
);

test('ends quietly when nobody reads its output any more', async () => {
  const producer = runProducer(destination(), ['simulate', '--rate', '10']);
  await lineOf(producer.stdout, /^Message delivered/);
  producer.stdout.destroy();
  const { exitCode, stderr } = await producer;
  expect(exitCode).toBe(0);
  expect(stderr.split('\n').filter((line) => !line.startsWith('{'))).toEqual([
    expect.stringMatching(/^ready: /),
  ]);
});
