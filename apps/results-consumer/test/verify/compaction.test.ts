import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { homePartition, type PartitionReader } from '@clickstream/kafka-client';
import { runTool } from '@clickstream/local-kafka';
import { describe, expect, test } from 'vitest';
import { ReadProgress } from '../../src/verify/read-progress.ts';
import { verify } from '../../src/verify/verify.ts';
import type { RawCheckpoint } from './forge-checkpoint.ts';
import { createTestAggregation, type AtEnd, type TestAggregation } from './test-aggregation.ts';

const TEST_LIMIT_MS = 240_000;
const PARTITION = 1;

/** Users whose clicks are counted in {@link PARTITION}. */
const users = Array.from({ length: 40 }, (_, index) => `user-${index}`).filter(
  (userId) => homePartition(Buffer.from(userId), 3) === PARTITION,
);

/** The reader, with something that happens after each cut and before the totals below it are read. */
function afterEachCut(
  reader: PartitionReader,
  topics: TestAggregation['topics'],
  happens: () => Promise<void>,
): PartitionReader {
  let isNewCut = false;
  let happened = Promise.resolve();
  return {
    ...reader,
    partitionCount: (topic) => {
      // With this a cut begins.
      if (topic === topics.clicks) isNewCut = true;
      return reader.partitionCount(topic);
    },
    startOffsets: async (topic) => {
      // Asked for first when all checkpoints of the cut are read.
      if (topic === topics.totals && isNewCut) {
        isNewCut = false;
        happened = happens();
      }
      await happened;
      return reader.startOffsets(topic);
    },
    endOffsets: (topic) => reader.endOffsets(topic),
    logBounds: (topic, partition) => reader.logBounds(topic, partition),
    read: (range, signal) => reader.read(range, signal),
  };
}

interface Overtaking {
  /** Who clicks after each cut. */
  readonly clickers: readonly string[];
  /** The topics that are compacted after each cut, as far as it reaches; of the totals alone unless told otherwise. */
  readonly compacted?: readonly ('totals' | 'pages' | 'sessions')[];
  /** After how many cuts; after each one unless told otherwise. */
  readonly cuts?: number;
}

/** What verify says when compaction is as quick as it is slow: results are gone for later ones at each cut. */
async function verifyOvertaken(
  atEnd: AtEnd,
  { clickers, compacted = ['totals'], cuts = Infinity }: Overtaking,
) {
  const aggregation = await createTestAggregation(atEnd);
  const { brokers, topics, reader, newest, write } = aggregation;
  const administer = async (tool: string, ...args: string[]) => {
    const { exitCode, stderr } = await runTool(tool, args, { brokers });
    expect(exitCode, stderr).toBe(0);
  };
  const folder = mkdtempSync(join(tmpdir(), 'verify-'));
  atEnd(() => {
    rmSync(folder, { recursive: true });
    return Promise.resolve();
  });
  // Of a topic that is only compacted, no record can be deleted by hand.
  for (const name of compacted)
    await administer(
      'kafka-configs',
      ...['--alter', '--topic', topics[name], '--add-config', 'cleanup.policy=[compact,delete]'],
    );
  await aggregation.startAggregator({ RESULT_EMIT: 'every' });
  let serial = 0;
  const clickOnce = async (userIds: readonly string[]) => {
    await write(
      ...userIds.map((userId) => ({
        topic: topics.clicks,
        key: Buffer.from(userId),
        value: Buffer.from(`User ${userId} clicked on /page at ${++serial}`),
      })),
    );
    const end = (await reader.endOffsets(topics.clicks))[PARTITION];
    for (;;) {
      const { value } = await newest(topics.checkpoints, PARTITION).catch(() => ({
        value: Buffer.from('{}'),
      }));
      const { input, resultEnds } = JSON.parse(value.toString('utf8')) as Partial<RawCheckpoint>;
      if (input?.position === String(end))
        return compacted.map((name) => ({
          topic: topics[name],
          partition: PARTITION,
          offset: Number(resultEnds?.[topics[name]]),
        }));
      await delay(20);
    }
  };
  let endsOfCut = await clickOnce(users);
  let taken = 0;
  const compact = async () => {
    if (++taken > cuts) return;
    const partitions = endsOfCut;
    endsOfCut = await clickOnce(clickers);
    const file = join(folder, 'offsets.json');
    writeFileSync(file, JSON.stringify({ version: 1, partitions }));
    await administer('kafka-delete-records', '--offset-json-file', file);
    for (const { topic, offset } of partitions)
      expect((await reader.startOffsets(topic))[PARTITION]).toBe(BigInt(offset));
  };
  return {
    topics,
    report: await verify({
      reader: afterEachCut(reader, topics, compact),
      topics,
      progress: new ReadProgress(),
      signal: new AbortController().signal,
    }),
  };
}

describe.concurrent('verify, when compaction removes totals before they are read, again and again', () => {
  test(
    'says which could not be compared',
    async ({ onTestFinished }) => {
      const { report, topics } = await verifyOvertaken(onTestFinished, { clickers: users });
      expect(report.problems).toEqual([]);
      expect(report).toMatchObject({ verdict: 'unchecked', cuts: 4, differing: 0, users: users.length });
      const { resultEnd } = report.cut[PARTITION]!;
      expect(report.gaps).toMatchObject([{ check: 'totals', partition: PARTITION, offset: resultEnd }]);
      expect(report.gaps[0]?.text).toMatch(
        new RegExp(
          `^${topics.totals} \\[1\\] was compacted while it was read: ${users.length} users' totals below offset ${resultEnd} were removed .* end at offset \\d+,`,
        ),
      );
    },
    TEST_LIMIT_MS,
  );

  test(
    'fails if one is gone without a later one',
    async ({ onTestFinished }) => {
      const [lost = '', ...clickers] = users;
      const { report } = await verifyOvertaken(onTestFinished, { clickers });
      expect(report).toMatchObject({ verdict: 'fail', cuts: 4, differing: 1 });
      expect(report.problems).toMatchObject([
        { check: 'totals', partition: PARTITION, user: lost, expected: 1, found: 0 },
        { check: 'sums', partition: PARTITION },
        { check: 'sums', partition: PARTITION, expected: users.length, found: users.length - 1 },
      ]);
      expect(report.gaps).toMatchObject([{ check: 'totals', partition: PARTITION }]);
    },
    TEST_LIMIT_MS,
  );
});

describe('verify, when compaction removes windowed results before they are read', () => {
  test.for([['pages'], ['sessions']] as const)(
    'takes a new cut and compares all: %s',
    { timeout: TEST_LIMIT_MS },
    async (compacted, { onTestFinished }) => {
      const { report } = await verifyOvertaken(onTestFinished, { clickers: users, compacted, cuts: 1 });
      expect(report).toMatchObject({ verdict: 'pass', problems: [], gaps: [], cuts: 2 });
      expect(report.windows.results).toBe(1);
      expect(report.sessions.sessions).toBe(users.length);
    },
  );
});
