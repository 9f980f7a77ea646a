import { runTool } from '@clickstream/local-kafka';
import { encodeClickEvent } from '@clickstream/schema';
import {
  assertBooks,
  assertExact,
  createClickLoad,
  createRandomSource,
  readDeadLetters,
  untilAllRead,
} from '@clickstream/test-harness';
import { describe, test } from 'vitest';
import { runInProcess } from './run-in-process.ts';
import { createTestTopics } from './test-topics.ts';
import { useWitness } from './use-witness.ts';

const witness = useWitness();
const TOO_LARGE_BYTES = 870_000;

describe.concurrent('the aggregator', { timeout: 240_000 }, () => {
  test('counts on behind records that are malformed or too large, which become dead letters', async ({
    expect,
    onTestFinished,
  }) => {
    const topics = await createTestTopics(witness, onTestFinished, { partitions: 2 });
    const { id, clicks: topic, producer } = topics;
    const aggregator = runInProcess(topics);
    await aggregator.ready();
    const user = (name: string) => `${id}-${name}`;
    const click = (name: string) =>
      Buffer.from(encodeClickEvent({ userId: user(name), url: '/', timestamp: 1_000 }, 'sentence'));
    const large = Buffer.from(`User ${user('a')} clicked on /${'x'.repeat(TOO_LARGE_BYTES)} at 1`);
    const bad: (readonly [reason: string, value: Buffer | null, headers?: Record<string, Buffer>])[] = [
      ['malformed', null],
      ['malformed', Buffer.from('hello')],
      ['malformed', Buffer.from([0xff, 0x00, 0x7b])],
      ['malformed', Buffer.from(`{"userId":"${user('a')}"`)],
      ['unsupported-version', click('a'), { 'schema-version': Buffer.from('2') }],
      // Together over the largest request that a broker takes.
      ['too-large', large],
      ['too-large', large],
      ['too-large', large],
    ];
    const offsets: bigint[] = [];
    const key = Buffer.from('any');
    for (const [, value, headers] of bad) {
      const { offset } = await producer.send({
        topic,
        partition: 1,
        key,
        value,
        ...(headers && { headers }),
      });
      offsets.push(offset);
    }
    await producer.send({ topic, key: null, value: click('a'), partition: 1 });
    await untilAllRead(topics, bad.length + 1, aggregator);
    const { counted, rejected } = await assertBooks(topics, bad.length + 1);
    expect({ counted, rejected }).toEqual({ counted: 1, rejected: bad.length });

    const letters = await readDeadLetters(topics);
    expect(letters.map(({ reason, partition, offset }) => ({ reason, partition, offset }))).toEqual(
      bad.map(([reason], index) => ({ reason, partition: 1, offset: offsets[index] })),
    );
    for (const [index, [reason, value, headers = {}]] of bad.entries()) {
      const letter = letters[index]!;
      expect(letter.key).toEqual(key);
      expect(letter.headers).toEqual(Object.entries(headers));
      if (reason === 'too-large') expect(letter.originalSizeBytes).toBe(large.length + key.length);
      else expect(letter.value).toEqual(value);
    }
    const answer = new Map([[user('a'), 1]]);
    expect(await witness.totals(id, answer)).toEqual(new Map([[user('a'), [1]]]));
    await aggregator.stop();
  });

  test('counts clicks of every compression that Kafka has', async ({ expect, onTestFinished }) => {
    const topics = await createTestTopics(witness, onTestFinished);
    const { id, clicks, connection } = topics;
    const aggregator = runInProcess(topics);
    await aggregator.ready();
    const userIds = Array.from({ length: 50 }, (_, number) => `${id}-${number}`);
    const sentences = userIds.map((userId) =>
      encodeClickEvent({ userId, url: '/page3', timestamp: 1_000 }, 'sentence'),
    );
    const codecs = ['gzip', 'snappy', 'lz4', 'zstd'];
    for (const codec of codecs) {
      const { exitCode, stderr } = await runTool(
        'kafka-console-producer',
        ['--topic', clicks, '--compression-codec', codec],
        { brokers: connection.brokers.join(','), input: `${sentences.join('\n')}\n` },
      );
      expect(exitCode, stderr).toBe(0);
    }
    await untilAllRead(topics, codecs.length * userIds.length, aggregator);
    const answer = new Map(userIds.map((userId) => [userId, codecs.length]));
    const totals = await witness.totals(id, answer);
    expect(new Map([...totals].map(([userId, list]) => [userId, list.at(-1)]))).toEqual(answer);
    const written = codecs.length * userIds.length;
    expect(await assertBooks(topics, written)).toMatchObject({ counted: written });
    await aggregator.stop();
  });

  test('hands over to another instance as soon as it is told to stop, and ends with 0', async ({
    expect,
    onTestFinished,
  }) => {
    const topics = await createTestTopics(witness, onTestFinished);
    const load = createClickLoad(topics, createRandomSource(3));
    const environment = { RESULT_EMIT: 'every' };
    const leaving = runInProcess(topics, { environment });
    await leaving.ready();
    const staying = runInProcess(topics, { environment });
    await staying.ready();
    const stopWriting = load.keepWriting(200);
    await untilAllRead(topics, 200, staying, { atLeast: true });
    const stoppedAt = performance.now();
    await leaving.stop();
    // Nobody but the one that stays can count these.
    await untilAllRead(topics, load.written + 100, staying, { atLeast: true });
    // Without a word of farewell, it would be the session time-out of 10 s.
    expect(performance.now() - stoppedAt).toBeLessThan(9_500);
    await stopWriting();
    await assertExact(witness, topics, load);
    await staying.stop();
  });
});
