import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger, createPartitionReader } from '@clickstream/kafka-client';
import { runTool, spawnTool } from '@clickstream/local-kafka';
import { describe, expect, inject, test } from 'vitest';
import { startResultsConsumer } from '../results-consumer-process.ts';
import { createTestTopics } from '../test-topics.ts';

const brokers = inject('kafkaBrokers');

const HOUR_MS = 3_600_000;
/** The broker's own tools take seconds to start, on a busy machine many. */
const JVM_TEST = { timeout: 240_000 };

describe('clicks', () => {
  test('prints clicks as they arrive, in either form, and says what is none', async () => {
    const topics = await createTestTopics(brokers, { partitions: 1 });
    const clicks = startResultsConsumer(['clicks'], topics.environment);
    await clicks.ready();
    await topics.write(
      topics.click('User 42 clicked on /page3 at 1711111111.123'),
      topics.click(Buffer.from([0x7b, 0xff, 0x1b, 0x5b, 0x32, 0x4a])),
      topics.click(
        '{"eventId":"e-1","userId":"a b","url":"/page3?x=1","timestamp":1711111111123,"extra":[1]}',
      ),
    );
    expect(await clicks.lines(3)).toEqual([
      'User 42 clicked on /page3 at 1711111111.123',
      `malformed record ${topics.clicks} [0] @ 1: not-utf8, the JSON is not valid UTF-8: "{\ufffd\\x1b[2J"`,
      'User a b clicked on /page3?x=1 at 1711111111.123',
    ]);
    clicks.kill('SIGTERM');
    expect(await clicks.ended).toMatchObject({
      exitCode: 0,
      stderr: `ready: following ${topics.clicks} at ${brokers} (1 partition)\n`,
    });
  });

  test('with --json prints clicks whole, and what is none as an object that says so', async () => {
    const topics = await createTestTopics(brokers, { partitions: 1 });
    const whole = '{"eventId":"e-1","userId":"42","url":"/","timestamp":1711111111123,"extra":[1]}';
    await topics.write(
      topics.click(whole),
      topics.click('User 42 clicked on /page3 at 1.5'),
      topics.click('?'),
    );
    const clicks = startResultsConsumer(['clicks', '--json', '--last', '3'], topics.environment);
    const [first, second = '', third = ''] = await clicks.lines(3);
    expect(first).toBe(whole);
    expect(JSON.parse(second)).toEqual({ userId: '42', url: '/page3', timestamp: 1_500 });
    expect(JSON.parse(third)).toEqual({
      malformed: {
        reason: 'unknown-form',
        detail: 'the first byte is neither { (JSON) nor U (sentence)',
        topic: topics.clicks,
        partition: 0,
        offset: '2',
        excerpt: '?',
      },
    });
  });

  test('with --user and --page shows these clicks only, and nothing malformed', async () => {
    const topics = await createTestTopics(brokers, { partitions: 1 });
    const clicks = startResultsConsumer(
      ['clicks', '--user', '42', '--page', '/page1', '--page', '/page2'],
      topics.environment,
    );
    await clicks.ready();
    await topics.write(
      topics.click('User 42 clicked on /page1?a=b at 1'),
      topics.click('User 42 clicked on /page10 at 2'),
      topics.click('User 43 clicked on /page1 at 3'),
      topics.click('nonsense'),
      topics.click('User 42 clicked on https://example.org/page2 at 5'),
    );
    expect(await clicks.lines(2)).toEqual([
      'User 42 clicked on /page1?a=b at 1.000',
      'User 42 clicked on https://example.org/page2 at 5.000',
    ]);
  });

  test.concurrent(
    "with --since begins at that time by Kafka's clock, in order of time",
    JVM_TEST,
    async ({ onTestFinished }) => {
      const topics = await createTestTopics(brokers, {
        partitions: 2,
        clickTopicConfig: { 'message.timestamp.type': 'CreateTime' },
        atEnd: onTestFinished,
      });
      // Writes the values 0 to 2, which are no clicks, with a time of its own.
      const { exitCode } = await runTool(
        'kafka-verifiable-producer',
        [
          ...['--topic', topics.clicks, '--max-messages', '3'],
          ...['--message-create-time', String(Date.now() - 26 * HOUR_MS)],
        ],
        { brokers },
      );
      expect(exitCode).toBe(0);
      await topics.write(topics.click('User 42 clicked on /now at 1'));
      const day = startResultsConsumer(['clicks', '--since', '1d'], topics.environment, onTestFinished);
      expect(await day.lines(1)).toEqual(['User 42 clicked on /now at 1.000']);
      const longer = startResultsConsumer(['clicks', '--since', '27h'], topics.environment, onTestFinished);
      const lines = await longer.lines(4);
      expect(lines.slice(0, 3).every((line) => line.startsWith('malformed record'))).toBe(true);
      expect(lines[3]).toBe('User 42 clicked on /now at 1.000');
      // Both conditions at once: the newest two of the last day are one.
      const newest = startResultsConsumer(
        ['clicks', '--since', '1d', '--last', '2'],
        topics.environment,
        onTestFinished,
      );
      expect(await newest.lines(1)).toEqual(['User 42 clicked on /now at 1.000']);
    },
  );

  test.concurrent('shows committed clicks only', JVM_TEST, async ({ onTestFinished }) => {
    const topics = await createTestTopics(brokers, { partitions: 1, atEnd: onTestFinished });
    const folder = mkdtempSync(join(tmpdir(), 'clicks-'));
    onTestFinished(() => {
      rmSync(folder, { recursive: true });
    });
    const payloads = join(folder, 'clicks.txt');
    writeFileSync(payloads, 'User aborted clicked on /page1 at 1\n');
    const clicks = startResultsConsumer(['clicks'], topics.environment, onTestFinished);
    await clicks.ready();

    // A producer of the broker's own that dies in the middle of a transaction.
    const log = createLogger('test', { LOG_LEVEL: 'silent', LOG_FORMAT: 'json' }, false);
    const reader = await createPartitionReader({
      connection: { brokers: [brokers], clientId: 'test' },
      log,
      isolation: 'read_uncommitted',
    });
    onTestFinished(() => reader.close());
    const [before = 0n] = await reader.endOffsets(topics.clicks);
    const producer = await spawnTool('kafka-producer-perf-test', [
      ...['--topic', topics.clicks, '--payload-file', payloads],
      ...['--num-records', '1000000', '--throughput', '20'],
      ...['--transactional-id', topics.clicks, '--transaction-duration-ms', '3600000'],
      ...['--producer-props', `bootstrap.servers=${brokers}`, 'linger.ms=0'],
    ]);
    const written = new AbortController();
    for await (const batch of reader.read(
      { topic: topics.clicks, partition: 0, from: before },
      written.signal,
    ))
      if (batch.nextOffset > before) written.abort();
    await producer.stop();
    const { exitCode, stderr } = await runTool(
      'kafka-transactions',
      ['abort', '--topic', topics.clicks, '--partition', '0', '--start-offset', String(before)],
      { brokers },
    );
    expect(stderr).toBe('');
    expect(exitCode).toBe(0);

    await topics.write(topics.click('User committed clicked on /page1 at 2'));
    expect(await clicks.lines(1)).toEqual(['User committed clicked on /page1 at 2.000']);
  });
});
