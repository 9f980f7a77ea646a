import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runTool } from '@clickstream/local-kafka';
import { describe, expect, test } from 'vitest';
import { bump, forgeCheckpoint, forgeTotal } from './forge-checkpoint.ts';
import { click, createHandMadeAggregation, deadLetter, T, type Books } from './hand-made-aggregation.ts';
import { createStoppedAggregation } from './test-aggregation.ts';

const TEST_LIMIT_MS = 240_000;

/** Clicks of a user that were counted, and too late for their windows. */
function countMore({ totals, checkpoint }: Books, userId: string, clicks: number): void {
  const total = totals.find(({ key }) => key === userId)?.value as { clicks: number };
  total.clicks += clicks;
  checkpoint.sums['clicks']! += clicks;
  for (const entry of ['read', 'counted']) checkpoint.books[entry]! += clicks;
  for (const entry of ['late', 'sessioned']) checkpoint.state.books[entry]! += clicks;
}

/** A click of a user that came through partition 1, after A's session was open and too late for its window. */
function forwardLate(books: Books, userId: string): void {
  const { forwarded, deadLetters, sessions, checkpoint } = books;
  forwarded.push(click('f1', userId, '/c', T + 20_000));
  countMore(books, userId, 1);
  Object.assign(checkpoint.books, { read: 10, received: 1 });
  deadLetters.push(deadLetter('late', 0, T + 85_000, { partition: 1 }));
  const session = sessions.at(-1)?.value as { clicks: number };
  session.clicks++;
  checkpoint.sums['sessionClicks']! += 1;
}

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

  test.for<[what: string, change: (books: Books, users: { a: string }) => void, letters: number]>([
    [
      'before a tail was lost, and of one that came again after it',
      ({ clicks, lossAccepted, checkpoint }, { a }) => {
        lossAccepted.input = 7;
        clicks.push(click('e5', a, '/b', T + 10_000));
        for (const entry of ['read', 'duplicate']) checkpoint.books[entry]! += 1;
      },
      2,
    ],
    [
      'of an earlier topic, at offsets that are beyond the end or those of others now',
      (books, { a }) => {
        books.lossAccepted.input = 0;
        countMore(books, a, 2);
        books.deadLetters.unshift(
          deadLetter('late', 5, T + 40_000, { timestamp: 1 }),
          deadLetter('late', 100, T + 40_000, { timestamp: 2 }),
        );
      },
      2,
    ],
    [
      'that were forwarded after loss in the clicks of a partition',
      (books, { a }) => {
        books.lossAccepted.origin = 0;
        forwardLate(books, a);
      },
      1,
    ],
    [
      'that were forwarded after loss in the clicks forwarded to a partition',
      (books, { a }) => {
        books.lossAccepted.forwards = 0;
        forwardLate(books, a);
      },
      1,
    ],
  ])(
    'cannot tell what letters about late clicks %s are about',
    { timeout: TEST_LIMIT_MS },
    async ([, change, letters], { onTestFinished }) => {
      const { verify } = await createHandMadeAggregation(onTestFinished, change);
      const { exitCode, report } = await verify();
      expect(report.problems).toEqual([]);
      expect(exitCode).toBe(2);
      expect(report.gaps.find(({ check }) => check === 'late')).toMatchObject({
        partition: 0,
        count: letters,
        text: expect.stringContaining(
          'and with --accept-loss that need not be a click that is there and was counted',
        ) as string,
      });
    },
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
