import { randomUUID } from 'node:crypto';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { ensureTopics, type TopicSpec } from '../src/ensure-topics.ts';
import { createTestTopic } from './patch/create-test-topic.ts';
import { quietClient } from './patch/quiet-client.ts';
import { patched } from './patch/unpatched-kafkajs.ts';
import { testConnection } from './test-connection.ts';

const brokers = inject('kafkaBrokers');
const { connection, log } = testConnection(brokers);
const admin = quietClient(patched, brokers).admin();
beforeAll(() => admin.connect());
afterAll(() => admin.disconnect());

const newTopic = (name: string, config: TopicSpec['config'] = {}): TopicSpec => ({
  name: `${name}-${randomUUID()}`,
  config,
});

async function partitionsOf(...topics: TopicSpec[]): Promise<number[]> {
  const found = await admin.fetchTopicMetadata({ topics: topics.map(({ name }) => name) });
  return topics.map(({ name }) => found.topics.find((topic) => topic.name === name)!.partitions.length);
}

async function settingOf({ name }: TopicSpec, setting: string): Promise<string | undefined> {
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: [{ type: patched.kafkajs.ConfigResourceTypes.TOPIC, name, configNames: [setting] }],
  });
  return resources[0]?.configEntries[0]?.configValue;
}

function recordingLog() {
  const lines: { level: number; msg: string }[] = [];
  const recording = pino(
    { level: 'info' },
    {
      write: (line) => lines.push(JSON.parse(line) as (typeof lines)[number]),
    },
  );
  return { lines, log: recording };
}

describe('topics', () => {
  it('that are missing are created, with their settings and as many partitions as the first', async () => {
    const first = newTopic('first', { 'message.timestamp.type': 'LogAppendTime' });
    const second = newTopic('second', { 'cleanup.policy': 'compact', 'segment.bytes': '16777216' });
    const { lines, log: recording } = recordingLog();
    expect(await ensureTopics({ connection, log: recording, topics: [first, second], partitions: 3 })).toBe(
      3,
    );
    expect(await partitionsOf(first, second)).toEqual([3, 3]);
    expect(await settingOf(first, 'message.timestamp.type')).toBe('LogAppendTime');
    expect(await settingOf(second, 'cleanup.policy')).toBe('compact');
    expect(await settingOf(second, 'segment.bytes')).toBe('16777216');
    expect(lines.map(({ msg }) => msg)).toEqual([
      `created ${first.name} with 3 partitions`,
      `created ${second.name} with 3 partitions`,
    ]);
  });

  it('that exist are left as they are, and the first decides', async () => {
    const first = { name: await createTestTopic(brokers, 'existing', { partitions: 2 }), config: {} };
    const second = newTopic('new');
    const specs = [{ ...first, config: { 'cleanup.policy': 'compact' } }, second] as const;
    for (let time = 0; time < 2; time++)
      expect(await ensureTopics({ connection, log, topics: specs, partitions: 5 })).toBe(2);
    expect(await partitionsOf(first, second)).toEqual([2, 2]);
    expect(await settingOf(first, 'cleanup.policy')).toBe('delete');
  });

  it('with another number of partitions are refused', async () => {
    const first = { name: await createTestTopic(brokers, 'two', { partitions: 2 }), config: {} };
    const second = { name: await createTestTopic(brokers, 'three', { partitions: 3 }), config: {} };
    await expect(
      ensureTopics({ connection, log, topics: [first, second], partitions: 2 }),
    ).rejects.toMatchObject({
      code: 'CLICKSTREAM_KAFKA_PARTITION_COUNT',
      topic: second.name,
      message: expect.stringMatching(`${second.name} has 3 partitions and ${first.name} has 2`) as unknown,
    });
    const missing = newTopic('missing');
    await expect(
      ensureTopics({ connection, log, topics: [missing, first], partitions: 4 }),
    ).rejects.toMatchObject({ code: 'CLICKSTREAM_KAFKA_PARTITION_COUNT', topic: first.name });
  });

  it('are created once by several apps at the same moment, who all learn the same count', async () => {
    for (let round = 0; round < 3; round++) {
      const topics = [newTopic('shared'), newTopic('shared'), newTopic('shared')] as const;
      const counts = await Promise.all(
        [1, 2, 3, 4].map((partitions) => ensureTopics({ connection, log, topics, partitions })),
      );
      expect(new Set(counts).size).toBe(1);
      expect(await partitionsOf(...topics)).toEqual([counts[0], counts[0], counts[0]]);
    }
  });

  it('that keep the time of their producers are warned of, once and with the remedy', async () => {
    const config = { 'message.timestamp.type': 'LogAppendTime' };
    const existing = { name: await createTestTopic(brokers, 'create-time', { partitions: 1 }), config };
    const stamped = newTopic('stamped', config);
    const indifferent = {
      name: await createTestTopic(brokers, 'indifferent', { partitions: 1 }),
      config: {},
    };
    const { lines, log: recording } = recordingLog();
    await ensureTopics({
      connection,
      log: recording,
      topics: [existing, stamped, indifferent],
      partitions: 1,
    });
    const warnings = lines.filter(({ level }) => level >= 40).map(({ msg }) => msg);
    expect(warnings).toEqual([
      expect.stringMatching(`${existing.name} .*kafka-configs .*--entity-name ${existing.name} --add-config`),
    ]);
  });

  it.each([
    [
      'with a name that Kafka does not take',
      { name: 'no spaces', config: {} },
      /Topic.*invalid|invalid.*topic/i,
    ],
    [
      'with a setting that does not exist',
      newTopic('odd', { 'no.such.setting': '1' }),
      /no\.such\.setting|config/i,
    ],
  ])('%s are refused in one line that says how to create them', async (_, topic, text) => {
    const refusal = ensureTopics({ connection, log, topics: [topic], partitions: 1 });
    await expect(refusal).rejects.toMatchObject({
      code: 'CLICKSTREAM_KAFKA_TOPIC_MISSING',
      topic: topic.name,
    });
    await expect(refusal).rejects.toThrow(text);
    await expect(refusal).rejects.toThrow(/^[^\n]*kafka-topics [^\n]*--create[^\n]*$/);
  });
});
