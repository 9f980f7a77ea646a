import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runTool } from '@clickstream/local-kafka';
import { execa } from 'execa';
import { describe, expect, test } from 'vitest';
import { startResultsConsumer } from '../results-consumer-process.ts';
import { runInProcess } from '../run-in-process.ts';
import { bump, forgeTotal, type RawCheckpoint } from './forge-checkpoint.ts';
import { createStoppedAggregation, createTestAggregation, NO_CLICK_EVERY } from './test-aggregation.ts';

const PRODUCER = fileURLToPath(new URL('../../../producer/src/main.ts', import.meta.url));
const TEST_LIMIT_MS = 240_000;
const CLICKS = 600;

describe.concurrent('verify passes', () => {
  test(
    'while clicks flow, across a restart of the aggregator, and when all is quiet',
    async ({ onTestFinished }) => {
      const aggregation = await createTestAggregation(onTestFinished);
      const first = await aggregation.startAggregator({ RESULT_FORMAT: 'sentence', RESULT_EMIT: 'every' });
      await aggregation.writeClicks(CLICKS);
      await aggregation.untilCounted();
      const stopWriting = aggregation.keepWriting();
      const follow = startResultsConsumer(
        ['verify', '--follow', '--json'],
        aggregation.environment,
        onTestFinished,
      );
      await follow.lines(1);
      await first.stop();
      await aggregation.startAggregator();
      await follow.lines(3);
      await stopWriting();
      const { users, clicks, cut } = await aggregation.untilCounted();
      // Every third record is placed wrongly, whether it is a click or not.
      expect(clicks.read).toBe(clicks.counted + clicks.rejected);
      expect(clicks.counted).toBeGreaterThan(CLICKS);
      expect(clicks.rejected).toBe(Math.ceil(clicks.read / NO_CLICK_EVERY));
      expect(clicks.forwarded).toBeGreaterThan(clicks.read / 4);
      expect(clicks.received).toBe(clicks.forwarded);
      expect(users).toBe(50);
      expect(cut.map(({ partition }) => partition)).toEqual([0, 1, 2]);

      follow.kill('SIGTERM');
      const { exitCode, stdout } = await follow.ended;
      expect(exitCode).toBe(0);
      for (const line of stdout.trim().split('\n'))
        expect(JSON.parse(line)).toMatchObject({ verdict: 'pass' });
      const people = await runInProcess(['verify'], aggregation.environment);
      expect(people.exitCode).toBe(0);
      expect(people.stdout).toMatch(
        new RegExp(
          `^PASS: every total, window and session is exact \\(${clicks.counted} clicks of 50 users in 3 partitions, `,
        ),
      );
    },
    TEST_LIMIT_MS,
  );
});

describe.concurrent('verify fails', () => {
  test(
    'when a total was written that no checkpoint knows of: forged, or a result repeated',
    async ({ onTestFinished }) => {
      const aggregation = await createStoppedAggregation(onTestFinished);
      const { topics, newest, write, verify } = aggregation;
      const result = await newest(topics.totals, 1);
      const total = JSON.parse(result.value.toString('utf8')) as { userId: string; clicks: number };
      const forged = Buffer.from(JSON.stringify({ ...total, clicks: total.clicks + 1 }));
      await write(
        { topic: topics.totals, partition: 1, ...result },
        { topic: topics.totals, partition: 1, key: result.key, value: forged },
      );
      const { exitCode, report } = await verify();
      expect(exitCode).toBe(1);
      expect(report.problems).toMatchObject([
        { check: 'results', partition: 1, text: expect.stringContaining('somebody else wrote it') as string },
        { check: 'growth', partition: 1, user: total.userId, found: total.clicks, count: 1 },
      ]);
    },
    TEST_LIMIT_MS,
  );

  test(
    'when a total is wrong though checkpoint and sums agree with it, naming the first user that differs',
    async ({ onTestFinished }) => {
      const aggregation = await createStoppedAggregation(onTestFinished);
      const { verify } = aggregation;
      const { userId, before, after } = await forgeTotal(aggregation, 2, 'received', (clicks) => clicks + 1);
      const { exitCode, report } = await verify();
      expect(exitCode).toBe(1);
      expect(report).toMatchObject({ verdict: 'fail', differing: 1 });
      expect(report.problems).toMatchObject([
        {
          check: 'totals',
          partition: 2,
          user: userId,
          expected: before,
          found: after,
        },
        { check: 'books', partition: 2, text: expect.stringContaining('received') as string },
      ]);
      const people = await runInProcess(['verify'], aggregation.environment);
      expect(people.exitCode).toBe(1);
      expect(people.stdout).toContain(
        `FAIL: user "${userId}" in partition 2: expected ${before}, found ${after}; 1 of 50 users differ`,
      );
    },
    TEST_LIMIT_MS,
  );

  test(
    'when a checkpoint was forged, deleted, or an older one was written again',
    async ({ onTestFinished }) => {
      const aggregation = await createStoppedAggregation(onTestFinished);
      const { topics, newest, write, verify } = aggregation;
      const original = await newest(topics.checkpoints, 0);
      const checkpoint = JSON.parse(original.value.toString('utf8')) as RawCheckpoint;
      let sequence = checkpoint.sequence;
      const forge = async (change: (forged: RawCheckpoint) => void) => {
        const forged = structuredClone(checkpoint);
        forged.sequence = ++sequence;
        change(forged);
        const value = Buffer.from(JSON.stringify(forged));
        await write({ topic: topics.checkpoints, partition: 0, key: original.key, value });
        return verify();
      };
      const checks = ({ report }: Awaited<ReturnType<typeof verify>>) =>
        report.problems.map(({ check, text }) => `${check}: ${text}`).join('\n');

      const behind = await forge(({ input }) => {
        input.position = String(Number(input.position) - 1);
      });
      expect(behind.exitCode).toBe(1);
      expect(checks(behind)).toMatch(/^books: records read in partition 0: expected \d+, found \d+/m);

      const ahead = await forge(({ input }) => {
        input.position = String(Number(input.position) + 1);
      });
      expect(ahead.exitCode).toBe(1);
      expect(checks(ahead)).toMatch(
        /^positions: the clicks of partition 0 were read up to offset \d+, and end/m,
      );

      const mark = await forge(({ marks }) => {
        bump(marks, Object.keys(marks)[0] ?? '', -1);
      });
      expect(mark.exitCode).toBe(1);
      expect(checks(mark)).toMatch(/^positions: partition 0 says that it received the click of partition/m);
      expect(checks(mark)).toMatch(/^totals: user "user-\d+" in partition 0: expected \d+, found \d+/m);

      const pairs = await forge(({ receivedFrom }) => {
        assert(receivedFrom?.['1'] && receivedFrom['2']);
        receivedFrom['1']++;
        receivedFrom['2']--;
      });
      expect(pairs.exitCode).toBe(1);
      expect(checks(pairs)).toMatch(
        /^books: clicks received from partition 1 in partition 0: expected \d+, found \d+.*\nbooks: clicks received from partition 2 in partition 0: expected \d+, found \d+[^\n]*$/,
      );

      // As if a version that does not count them had begun.
      const sumsAlone = await forge((forged) => {
        delete forged.receivedFrom;
      });
      expect(sumsAlone).toMatchObject({ exitCode: 0 });

      const sums = await forge(({ sums: forged }) => {
        forged.users++;
      });
      expect(sums.exitCode).toBe(1);
      expect(checks(sums)).toMatch(/^sums: users with a total in partition 0/m);

      // As good as the first one.
      expect(await forge(() => undefined)).toMatchObject({ exitCode: 0 });
      await write({ topic: topics.checkpoints, partition: 0, ...original });
      const older = await verify();
      expect(older.exitCode).toBe(1);
      expect(checks(older)).toMatch(/^checkpoints: .* an older one was written again$/m);

      await write({ topic: topics.checkpoints, partition: 0, key: original.key, value: null });
      const deleted = await verify();
      expect(deleted.exitCode).toBe(1);
      expect(checks(deleted)).toMatch(
        /^results: totals-\S+ \[0\] @ \d+ holds a record, and the checkpoint of it was deleted/m,
      );
    },
    TEST_LIMIT_MS,
  );
});

describe.concurrent('verify --manifest', () => {
  test(
    'checks that what a producer had acknowledged is in the log and in the totals',
    async ({ onTestFinished }) => {
      const aggregation = await createTestAggregation(onTestFinished);
      const { topics, environment, verify } = aggregation;
      await aggregation.startAggregator();
      // Somebody else's clicks before, between and after those of the run.
      await aggregation.writeClicks(50);
      const stopWriting = aggregation.keepWriting();
      const folder = mkdtempSync(join(tmpdir(), 'verify-'));
      onTestFinished(() => {
        rmSync(folder, { recursive: true });
      });
      const file = join(folder, 'run.ndjson');
      const { exitCode, stderr } = await execa({
        cwd: tmpdir(),
        env: { PATH: process.env['PATH'], ...environment },
        extendEnv: false,
        reject: false,
      })`${process.execPath} --conditions=@clickstream/source ${PRODUCER} simulate --rate 500 --count 1000 --run-id run-1 --manifest ${file}`;
      expect(exitCode, stderr).toBe(0);
      await stopWriting();
      expect(await verify('--manifest', file)).toMatchObject({
        exitCode: 0,
        report: { verdict: 'pass', manifest: { run: 'run-1', clicks: 1000 } },
      });

      const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
      const change = async (...changed: readonly string[]) => {
        writeFileSync(file, changed.map((line) => `${line}\n`).join(''));
        return verify('--manifest', file);
      };
      const isRange = (line: string) => line.includes('"sha256"');
      const first = lines.findIndex(isRange);
      const sha256 = createHash('sha256').update('another click').digest('hex');
      const other = await change(
        ...lines.map((line, index) =>
          index === first ? line.replace(/"sha256":"[^"]*"/, `"sha256":"${sha256}"`) : line,
        ),
      );
      expect(other.exitCode).toBe(1);
      expect(other.report.problems).toMatchObject([
        { check: 'manifest', text: expect.stringContaining('the log holds other records there') as string },
      ]);
      const [end = 0n] = await aggregation.reader.endOffsets(topics.clicks);
      const lost = await change(
        lines[0] ?? '',
        JSON.stringify({ partition: 0, offset: String(end), clicks: 2, sha256 }),
        '{"users":[["nobody",2]]}',
        '{"acknowledged":2,"ranges":1,"users":1}',
      );
      expect(lost.exitCode).toBe(1);
      expect(lost.report.problems).toMatchObject([
        { check: 'manifest', text: expect.stringContaining(`the log ends at offset ${end}`) as string },
        { check: 'manifest', user: 'nobody', expected: 2, found: 0 },
      ]);
      expect(await change(...lines.slice(0, -1))).toMatchObject({
        exitCode: 2,
        report: { verdict: 'unchecked', reason: expect.stringContaining('is torn') as string },
      });
    },
    TEST_LIMIT_MS,
  );
});

describe.concurrent('verify says that it could not check', () => {
  test(
    'what retention has removed, and checks the rest',
    async ({ onTestFinished }) => {
      const aggregation = await createStoppedAggregation(onTestFinished);
      const { brokers, topics, verify } = aggregation;
      const folder = mkdtempSync(join(tmpdir(), 'verify-'));
      onTestFinished(() => {
        rmSync(folder, { recursive: true });
      });
      const file = join(folder, 'offsets.json');
      writeFileSync(
        file,
        JSON.stringify({ version: 1, partitions: [{ topic: topics.clicks, partition: 1, offset: 20 }] }),
      );
      const { exitCode, stderr } = await runTool('kafka-delete-records', ['--offset-json-file', file], {
        brokers,
      });
      expect(exitCode, stderr).toBe(0);
      const gone = await verify();
      expect(gone.exitCode).toBe(2);
      expect(gone.report).toMatchObject({
        verdict: 'unchecked',
        problems: [],
        gaps: [
          {
            check: 'totals',
            partition: 1,
            offset: 20,
            text: expect.stringContaining(
              'begin at offset 20: 20 records that were read before are gone',
            ) as string,
          },
        ],
      });
    },
    TEST_LIMIT_MS,
  );

  test('before the first checkpoint, and without the topics of the aggregation', async ({
    onTestFinished,
  }) => {
    const { environment, verify } = await createTestAggregation(onTestFinished);
    expect(await verify()).toMatchObject({
      exitCode: 2,
      report: { verdict: 'unchecked', reason: expect.stringContaining('no checkpoint yet') as string },
    });
    const other = await runInProcess(['verify'], { ...environment, APPLICATION_ID: 'nobody' });
    expect(other).toMatchObject({
      exitCode: 2,
      stdout: expect.stringMatching(/^COULD NOT CHECK: there is no topic nobody_checkpoint/) as string,
    });
  });

  test('without a broker, and when it is interrupted', async ({ onTestFinished }) => {
    const environment = { KAFKA_BROKERS: '127.0.0.1:1' };
    const lonely = startResultsConsumer(['verify'], environment, onTestFinished);
    const interrupted = startResultsConsumer(
      ['verify'],
      { ...environment, LOG_LEVEL: 'debug' },
      onTestFinished,
    );
    await interrupted.says('ECONNREFUSED');
    interrupted.kill('SIGTERM');
    expect(await interrupted.ended).toMatchObject({ exitCode: 2, stdout: '' });
    expect(await lonely.ended).toMatchObject({
      exitCode: 2,
      stdout: expect.stringMatching(/^COULD NOT CHECK: cannot reach Kafka at 127\.0\.0\.1:1/) as string,
    });
  });
});
