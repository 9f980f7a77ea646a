import { crc32 } from 'node:zlib';
import { runTool } from '@clickstream/local-kafka';
import { encodeClickEvent } from '@clickstream/schema';
import { assertExact, assertVerified, type LoadAnswer, type TestTopics } from '@clickstream/test-harness';
import { describe, expect, test } from 'vitest';
import { runInProcess } from './run-in-process.ts';
import { createTestTopics } from './test-topics.ts';
import { useWitness } from './use-witness.ts';

const USERS = 100;
const CLICKS_EACH = 5;
const witness = useWitness();

/** The same users, each clicking as often from three producers that place them differently. */
async function writeThreeWays(topics: TestTopics): Promise<LoadAnswer> {
  const { id, clicks: topic, partitions, producer, connection } = topics;
  const userIds = Array.from({ length: USERS }, (_, number) => `${id}-${number}`);
  const events = Array.from({ length: CLICKS_EACH }, (_, round) =>
    userIds.map((userId, index) => ({
      userId,
      url: '/page3',
      timestamp: 1_700_000_000_000 + round * USERS + index,
    })),
  ).flat();
  const sentences = events.map((event) => encodeClickEvent(event, 'sentence'));
  await Promise.all([
    ...events.map(({ userId }, index) =>
      producer.send({ topic, key: Buffer.from(userId), value: Buffer.from(sentences[index]!) }),
    ),
    // As librdkafka does without being told otherwise, in Python, Go, C# and more.
    ...events.map(({ userId }, index) =>
      producer.send({
        topic,
        key: Buffer.from(userId),
        value: Buffer.from(sentences[index]!),
        partition: crc32(userId) % partitions,
      }),
    ),
    (async () => {
      const { exitCode, stderr } = await runTool('kafka-console-producer', ['--topic', topic], {
        brokers: connection.brokers.join(','),
        input: `${sentences.join('\n')}\n`,
      });
      expect(exitCode, stderr).toBe(0);
    })(),
  ]);
  return {
    answer: new Map(userIds.map((userId) => [userId, 3 * CLICKS_EACH])),
    malformed: 0,
    repeated: 0,
    uncertain: { clicks: new Map(), records: 0 },
    written: 3 * events.length,
  };
}

describe.concurrent(
  'clicks of 100 users, from our producer, the console producer and a CRC32 producer',
  () => {
    test.for([
      { partitions: 4, format: 'json', emit: 'every' },
      { partitions: 4, format: 'sentence', emit: 'coalesced' },
      { partitions: 1, format: 'json', emit: 'every' },
    ] as const)(
      'are all counted at home: $partitions partitions, $format, $emit',
      { timeout: 240_000 },
      async ({ partitions, format, emit }, { onTestFinished }) => {
        const topics = await createTestTopics(witness, onTestFinished, { partitions });
        const aggregator = runInProcess(topics, {
          environment: { RESULT_FORMAT: format, RESULT_EMIT: emit },
        });
        await aggregator.ready();
        const load = await writeThreeWays(topics);
        await assertExact(witness, topics, load, emit);
        await assertVerified(topics);
        await aggregator.stop();
      },
    );
  },
);
