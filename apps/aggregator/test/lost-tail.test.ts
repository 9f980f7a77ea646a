import { stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { startBroker } from '@clickstream/local-kafka';
import {
  assertBooks,
  assertVerified,
  createClickLoad,
  createRandomSource,
  createTestTopics,
  untilAllRead,
  type TestTopics,
} from '@clickstream/test-harness';
import { expect, test } from 'vitest';
import { runInProcess } from './run-in-process.ts';

/** Takes the last bytes of a partition's log away, as a disk does that lost what was not yet written to it. */
async function loseTail(dataDir: string, { clicks }: TestTopics, partition: number): Promise<void> {
  const log = join(dataDir, 'data', `${clicks}-${partition}`, '00000000000000000000.log');
  await truncate(log, Math.floor((await stat(log)).size / 2));
}

test(
  'an input that lost its tail is refused, and with --accept-loss not counted twice',
  { timeout: 240_000 },
  async ({ onTestFinished }) => {
    const broker = await startBroker();
    onTestFinished(() => broker.stop());
    const topics = await createTestTopics({
      brokers: broker.brokers,
      totalsPrefix: 'totals-',
      atEnd: onTestFinished,
    });
    const load = createClickLoad(topics, createRandomSource(11));
    await load.write(400);
    const aggregator = runInProcess(topics);
    const books = await untilAllRead(topics, load.written, aggregator);
    await aggregator.stop();
    const position = (await topics.reader.endOffsets(topics.clicks))[2];

    await broker.kill();
    await loseTail(broker.dataDir, topics, 2);
    await broker.restart();
    const { exitCode, stderr } = await runInProcess(topics).ended;
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(
      new RegExp(
        `partition 2 cannot go on: ${topics.clicks} ends at offset \\d+ and was read up to ${position}: a broker has lost its tail.*--accept-loss`,
      ),
    );

    const accepting = runInProcess(topics, { args: ['--accept-loss'] });
    await accepting.ready();
    await load.write(100);
    await untilAllRead(topics, load.written, accepting);
    await accepting.stop();
    const { counted, rejected } = await assertBooks(topics, load.written);
    expect({ counted, rejected }).toEqual({
      counted: load.written - load.malformed,
      rejected: load.malformed,
    });
    expect(books.reduce((sum, { read }) => sum + read, 0)).toBe(load.written - 100);
    await expect(assertVerified(topics)).rejects.toThrow(
      /^verify ended with 2:\nCOULD NOT CHECK everything, and found nothing wrong [^]* partition 2 went on at offset \d+ with --accept-loss/,
    );
  },
);
