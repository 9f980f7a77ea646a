import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runTool } from '@clickstream/local-kafka';
import { describe, expect, test } from 'vitest';
import { bump, forgeCheckpoint, forgeTotal } from './forge-checkpoint.ts';
import { createStoppedAggregation } from './test-aggregation.ts';

const TEST_LIMIT_MS = 60_000;

describe.concurrent('verify, where loss was accepted', () => {
  test(
    'in the clicks, cannot tell whether totals are too high, and can whether they are too low',
    async ({ onTestFinished }) => {
      const aggregation = await createStoppedAggregation(onTestFinished);
      const { topics, verify } = aggregation;
      // As if seven clicks had been counted that are gone, some of them forwarded.
      await forgeTotal(aggregation, 1, 'read', (clicks) => clicks + 7);
      await forgeCheckpoint(aggregation, 1, ({ books }) => {
        books['read'] = (books['read'] ?? 0) + 3;
        books['forwarded'] = (books['forwarded'] ?? 0) + 3;
      });
      await forgeCheckpoint(aggregation, 2, ({ marks }) => {
        bump(marks, '1', 5_000);
      });
      expect(await verify()).toMatchObject({ exitCode: 1 });
      await forgeCheckpoint(aggregation, 1, ({ input }) => {
        input.lossAccepted = '20';
      });
      expect(await verify()).toMatchObject({
        exitCode: 2,
        report: {
          verdict: 'unchecked',
          problems: [],
          gaps: [
            {
              check: 'totals',
              partition: 1,
              offset: 20,
              text: 'partition 1 went on at offset 20 with --accept-loss: totals can only be checked not to be too low',
            },
          ],
        },
      });

      // What a producer had acknowledged to an earlier topic of the name is neither proven nor disproven.
      const folder = mkdtempSync(join(tmpdir(), 'verify-'));
      onTestFinished(() => {
        rmSync(folder, { recursive: true });
      });
      const file = join(folder, 'run.ndjson');
      const acknowledge = (partition: number, offset: number) => {
        const sha256 = createHash('sha256').update('another click').digest('hex');
        const lines = [
          { manifest: 1, topic: topics.clicks, run: 'run-1' },
          { partition, offset: String(offset), clicks: 1, sha256 },
          { users: [['nobody', 1]] },
          { acknowledged: 1, ranges: 1, users: 1 },
        ];
        writeFileSync(file, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
      };
      acknowledge(1, 30);
      const earlier = await verify('--manifest', file);
      expect(earlier).toMatchObject({ exitCode: 2, report: { problems: [] } });
      expect(earlier.report.gaps.map(({ check }) => check)).toEqual(['manifest', 'totals', 'manifest']);
      acknowledge(0, 30);
      expect(await verify('--manifest', file)).toMatchObject({
        exitCode: 1,
        report: {
          problems: [
            { check: 'manifest', partition: 0, text: expect.stringContaining('other records') as string },
          ],
        },
      });

      const { userId } = await forgeTotal(aggregation, 1, 'read', () => 1);
      const low = await verify();
      expect(low).toMatchObject({
        exitCode: 1,
        report: { differing: 1, problems: [{ check: 'totals', partition: 1, user: userId, found: 1 }] },
      });
      expect(low.report.problems[0]?.text).toMatch(/: expected at least \d+, found 1; 1 of 50 users differ$/);
      await forgeTotal(aggregation, 1, 'read', () => 20);
      await forgeCheckpoint(aggregation, 1, ({ books }) => {
        for (const entry of ['read', 'forwarded']) books[entry] = (books[entry] ?? 0) - 60;
      });
      expect((await verify()).report.problems.map(({ text }) => text)).toEqual(
        expect.arrayContaining([
          expect.stringMatching(/^records read in partition 1: expected at least \d+, found \d+/) as string,
          expect.stringMatching(
            /^clicks forwarded in partition 1: expected at least \d+, found \d+/,
          ) as string,
        ]),
      );
    },
    TEST_LIMIT_MS,
  );

  test(
    'in the clicks forwarded to a partition, checks the others as usual',
    async ({ onTestFinished }) => {
      const aggregation = await createStoppedAggregation(onTestFinished);
      const { verify } = aggregation;
      await forgeTotal(aggregation, 2, 'received', (clicks) => clicks + 4);
      await forgeCheckpoint(aggregation, 2, ({ marks }) => {
        bump(marks, '0', -1);
      });
      expect(await verify()).toMatchObject({ exitCode: 1 });
      await forgeCheckpoint(aggregation, 2, ({ repartition }) => {
        repartition.lossAccepted = '3';
      });
      expect(await verify()).toMatchObject({
        exitCode: 2,
        report: {
          problems: [],
          gaps: [
            {
              check: 'totals',
              partition: 2,
              offset: 3,
              text: 'partition 2 went on at offset 3 of the clicks forwarded to it with --accept-loss: totals can only be checked not to be too low',
            },
          ],
        },
      });
      const { userId, before, after } = await forgeTotal(aggregation, 0, 'received', (clicks) => clicks + 1);
      const { exitCode, report } = await verify();
      expect(exitCode).toBe(1);
      expect(report.problems).toMatchObject([
        { check: 'totals', partition: 0, user: userId, expected: before, found: after },
        { check: 'books', partition: 0 },
      ]);
    },
    TEST_LIMIT_MS,
  );

  test(
    'by an aggregator that went on with an input made anew, checks what it can',
    async ({ onTestFinished }) => {
      const aggregation = await createStoppedAggregation(onTestFinished);
      const { brokers, partitions, topics, verify, writeClicks } = aggregation;
      const administer = async (...args: string[]) => {
        const { exitCode, stderr } = await runTool('kafka-topics', [...args, '--topic', topics.clicks], {
          brokers,
        });
        expect(exitCode, stderr).toBe(0);
      };
      await administer('--delete');
      await administer('--create', '--partitions', String(partitions));
      await writeClicks(300);
      await aggregation.startAggregator({}, '--accept-loss');
      for (;;) {
        const { exitCode, report } = await verify();
        // Until the aggregator has committed it is another topic that its checkpoints speak of.
        const wentOn = report.gaps.filter(({ text }) => text.includes('--accept-loss'));
        if (new Set(wentOn.map(({ partition }) => partition)).size < partitions) continue;
        if (report.clicks.notReadYet > 0 || report.clicks.received < report.clicks.forwarded) continue;
        expect(exitCode, JSON.stringify(report)).toBe(2);
        expect(report.problems).toEqual([]);
        expect(report.clicks.read).toBe(900);
        expect(wentOn).toEqual(report.gaps);
        return;
      }
    },
    TEST_LIMIT_MS,
  );
});
