import { mkdtempSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createRecordProducer } from '@clickstream/kafka-client';
import { runTool } from '@clickstream/local-kafka';
import { encodeRunningTotal } from '@clickstream/schema';
import {
  assertBooks,
  assertExact,
  assertVerified,
  type AtEnd,
  type ClickLoad,
  createClickLoad,
  createRandomSource,
  readCommitted,
  startAggregator,
  type TestTopics,
  untilAllRead,
  untilCheckpoints,
} from '@clickstream/test-harness';
import { describe, expect, test, vi } from 'vitest';
import { runInProcess } from './run-in-process.ts';
import { createTestTopics } from './test-topics.ts';
import { useWitness } from './use-witness.ts';

const witness = useWitness();

/** Topics whose clicks were counted by an aggregator that has stopped. */
async function counted(atEnd: AtEnd): Promise<{ topics: TestTopics; load: ClickLoad }> {
  const topics = await createTestTopics(witness, atEnd);
  const load = createClickLoad(topics, createRandomSource(7));
  await load.write(400);
  await countAll(topics, load);
  return { topics, load };
}

/** Starts the aggregator, waits until all is counted, and stops it. */
async function countAll(topics: TestTopics, load: ClickLoad, args: readonly string[] = []): Promise<void> {
  const aggregator = runInProcess(topics, { environment: { RESULT_EMIT: 'every' }, args });
  await untilAllRead(topics, load.written, aggregator);
  await aggregator.stop();
}

/** What the aggregator says when it refuses. */
async function refusal(topics: TestTopics, environment: Readonly<Record<string, string>> = {}) {
  const { exitCode, stderr } = await runInProcess(topics, { environment }).ended;
  expect(exitCode, stderr).toBe(1);
  return stderr;
}

/** `verify` finds nothing wrong, and knows that loss was accepted. */
async function expectUnchecked(topics: TestTopics): Promise<void> {
  await expect(assertVerified(topics)).rejects.toThrow(
    /^verify ended with 2:\nCOULD NOT CHECK everything, and found nothing wrong [^]* with --accept-loss: totals can only/,
  );
}

/** Runs a tool of the broker, as an administrator does. */
async function administer(topics: TestTopics, tool: string, ...args: string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await runTool(tool, args, {
    brokers: topics.connection.brokers.join(','),
  });
  expect(exitCode, `${stdout}\n${stderr}`).toBe(0);
  return stdout;
}

/** Gives the topics that match `pattern` more partitions, and waits until the broker knows of them. */
async function addPartitions(topics: TestTopics, pattern: string, partitions: number): Promise<void> {
  await administer(topics, 'kafka-topics', '--alter', '--topic', pattern, '--partitions', `${partitions}`);
  await vi.waitFor(
    async () => {
      const described = await administer(topics, 'kafka-topics', '--describe', '--topic', pattern);
      const counts = Array.from(described.matchAll(/PartitionCount: (\d+)/g), ([, count]) => Number(count));
      expect(new Set(counts)).toStrictEqual(new Set([partitions]));
    },
    { timeout: 60_000, interval: 500 },
  );
}

/** Deletes the topics, and waits until the broker does not know them any more. */
async function deleteTopics(topics: TestTopics, ...names: readonly string[]): Promise<void> {
  await administer(topics, 'kafka-topics', '--delete', '--topic', names.join('|'));
  await vi.waitFor(
    async () => {
      const left = (await administer(topics, 'kafka-topics', '--list')).split('\n');
      expect(left.filter((name) => names.includes(name))).toEqual([]);
    },
    { timeout: 60_000, interval: 500 },
  );
}

/** Does what retention does. */
async function deleteRecords(
  topics: TestTopics,
  topic: string,
  partition: number,
  offset: bigint,
): Promise<void> {
  const file = join(mkdtempSync(join(tmpdir(), 'clickstream-test-')), 'offsets.json');
  topics.atEnd(() => rm(dirname(file), { recursive: true }));
  const partitions = [{ topic, partition, offset: Number(offset) }];
  writeFileSync(file, JSON.stringify({ partitions, version: 1 }));
  await administer(topics, 'kafka-delete-records', '--offset-json-file', file);
}

const group = ({ applicationId }: TestTopics) => ['--group', applicationId];

describe.concurrent('the aggregator', { timeout: 240_000 }, () => {
  test('refuses to count from the start over results that it did not write, as a process with exit code 1', async ({
    expect,
    onTestFinished,
  }) => {
    const { topics, load } = await counted(onTestFinished);
    const another = `${topics.applicationId}-b`;
    const aggregator = startAggregator(topics, { environment: { APPLICATION_ID: another } });
    const { exitCode, stderr } = await aggregator.ended;
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(
      new RegExp(
        `^partition \\d cannot go on: ${topics.totals} has records but ${another}_checkpoint has no`,
        'm',
      ),
    );
    // Dead letters would be written twice just as well.
    expect(
      await refusal(topics, {
        APPLICATION_ID: another,
        USER_CLICK_AGGREGATION_TOPIC: `${topics.totals}-b`,
        PAGE_CLICK_AGGREGATION_TOPIC: `${topics.pages}-b`,
        USER_SESSION_AGGREGATION_TOPIC: `${topics.sessions}-b`,
      }),
    ).toMatch(new RegExp(`${topics.deadLetters} has records but ${another}_checkpoint has no checkpoint`));
    await load.write(100);
    await countAll(topics, load);
    await assertExact(witness, topics, load);
  });

  test('refuses totals that somebody else has changed', async ({ expect, onTestFinished }) => {
    const { topics, load } = await counted(onTestFinished);
    const { connection, log, totals: topic } = topics;
    const [userId = ''] = load.answer.keys();
    const forged = encodeRunningTotal({ userId, clicks: 1_000, lastClickAt: 1, lastUrl: '/' }, 'json');
    const producer = await createRecordProducer([topic], { connection, log });
    onTestFinished(() => producer.close());
    await producer.send({ topic, key: Buffer.from(forged.key), value: Buffer.from(forged.value) });
    expect(await refusal(topics)).toMatch(/clicks = \d+ and the checkpoint says \d+.*somebody else/);
    await producer.send({ topic, key: Buffer.from(userId), value: Buffer.from('17') });
    expect(await refusal(topics)).toMatch(/holds no result at offset \d+/);
  });

  test('refuses an input that was made anew, whether it is shorter or longer than before', async ({
    expect,
    onTestFinished,
  }) => {
    const { topics, load } = await counted(onTestFinished);
    const { clicks, partitions } = topics;
    await deleteTopics(topics, clicks);
    await administer(topics, 'kafka-topics', '--create', '--topic', clicks, '--partitions', `${partitions}`);
    expect(await refusal(topics)).toMatch(
      new RegExp(
        `${clicks} ends at offset 0 and was read up to \\d+: it was deleted and made anew.*--accept-loss`,
      ),
    );
    await load.write(2_000);
    expect(await refusal(topics)).toMatch(
      new RegExp(`${clicks} holds other records at offset \\d+ than were counted`),
    );
    await countAll(topics, load, ['--accept-loss']);
    await assertExact(witness, topics, load);
    await expectUnchecked(topics);
  });

  test.for(['clicks', 'repartition'] as const)(
    'refuses an input that lost clicks before they were counted: the %s topic',
    async (input, { expect, onTestFinished }) => {
      const { topics, load } = await counted(onTestFinished);
      const topic = topics[input];
      const partition = 0;
      const end = (await topics.reader.endOffsets(topic))[partition]!;
      const { connection, log } = topics;
      const producer = await createRecordProducer([topic], { connection, log });
      onTestFinished(() => producer.close());
      const lost = { topic, key: null, value: Buffer.from('User x clicked on / at 1'), partition };
      await Promise.all(Array.from({ length: 5 }, () => producer.send(lost)));
      await deleteRecords(topics, topic, partition, end + 5n);
      expect(await refusal(topics)).toMatch(
        new RegExp(`${topic} begins at offset ${end + 5n} and was read up to ${end}.*--accept-loss`),
      );
      await load.write(100);
      await countAll(topics, load, ['--accept-loss']);
      await assertExact(witness, topics, load);
      await expectUnchecked(topics);
    },
  );

  test('refuses windows and sessions that retention removed while they were open, and says so', async ({
    expect,
    onTestFinished,
  }) => {
    const { topics } = await counted(onTestFinished);
    const { pages, sessions, reader } = topics;
    const partition = 0;
    for (const topic of [sessions, pages]) {
      const end = (await reader.endOffsets(topic))[partition]!;
      await deleteRecords(topics, topic, partition, end);
      expect(await refusal(topics)).toMatch(
        new RegExp(
          `${topic} begins at offset ${end} and is needed from \\d+ on.*: retention removed results of open`,
        ),
      );
    }
  });

  test('refuses another number of partitions', async ({ expect, onTestFinished }) => {
    const { topics } = await counted(onTestFinished);
    const { id, clicks } = topics;
    await addPartitions(topics, clicks, 6);
    expect(await refusal(topics)).toMatch(new RegExp(`has 4 partitions and ${clicks} has 6`));
    await addPartitions(topics, `(?!${clicks}).*${id}.*`, 6);
    expect(await refusal(topics)).toMatch(
      /partition \d cannot go on: the topics have 6 partitions and the checkpoint was made with 4/,
    );
  });

  test('refuses offsets of its group that somebody has changed, and writes those that are missing', async ({
    expect,
    onTestFinished,
  }) => {
    const { topics, load } = await counted(onTestFinished);
    const { clicks } = topics;
    const offsets = async () =>
      (await administer(topics, 'kafka-consumer-groups', '--describe', '--offsets', ...group(topics)))
        .split('\n')
        .flatMap((line) => (line.includes(clicks) ? [line.split(/\s+/).slice(1, 4)] : []))
        .sort();
    const before = await offsets();
    expect(before).toHaveLength(topics.partitions);

    await administer(topics, 'kafka-consumer-groups', '--delete', ...group(topics));
    const old = await untilCheckpoints(topics, (newest) => newest.size === topics.partitions);
    const aggregator = runInProcess(topics);
    await untilCheckpoints(
      topics,
      (newest) => [...newest].every(([partition, { sequence }]) => sequence > old.get(partition)!.sequence),
      aggregator,
    );
    await aggregator.stop();
    expect(await offsets()).toEqual(before);

    await administer(
      topics,
      'kafka-consumer-groups',
      ...['--reset-offsets', '--to-earliest', '--topic', clicks, '--execute', ...group(topics)],
    );
    expect(await refusal(topics)).toMatch(
      new RegExp(`the group's offset of ${clicks} is 0 and the checkpoint's is \\d+.*--accept-loss`),
    );
    await load.write(100);
    await countAll(topics, load, ['--accept-loss']);
    await assertExact(witness, topics, load);
    // Nothing was lost.
    await assertVerified(topics);
  });

  test('refuses clicks that were forwarded before all but the repartition topic was deleted', async ({
    expect,
    onTestFinished,
  }) => {
    const { topics } = await counted(onTestFinished);
    const { totals, pages, sessions, deadLetters, checkpoint, repartition } = topics;
    await deleteTopics(topics, totals, pages, sessions, deadLetters, checkpoint);
    expect(await refusal(topics)).toMatch(
      new RegExp(
        `${repartition} holds at offset \\d+ the click of partition \\d at offset \\d+, behind later ones`,
      ),
    );
  });

  test('counts anew when everything that it has written is deleted', async ({ expect, onTestFinished }) => {
    const { topics, load } = await counted(onTestFinished);
    const { totals, pages, sessions, deadLetters, repartition, checkpoint } = topics;
    await deleteTopics(topics, totals, pages, sessions, deadLetters, repartition, checkpoint);
    await load.write(100);
    await countAll(topics, load);
    // Not by the witness, who has read the topic of the same name before.
    const clicks = new Map<string, number>();
    for await (const record of readCommitted(topics, totals))
      clicks.set(String(record.key()), (JSON.parse(String(record.value())) as { clicks: number }).clicks);
    expect(clicks).toEqual(load.answer);
    await assertBooks(topics, load.written);
  });
});
