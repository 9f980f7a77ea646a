import { randomUUID } from 'node:crypto';
import { runTool } from '@clickstream/local-kafka';
import { describe, expect, inject, it } from 'vitest';
import type { Message } from '#kafkajs';
import type { RecordCursor } from '../src/fetched-batch.ts';
import { createPartitionReader } from '../src/partition-reader.ts';
import { createTestTopic } from './patch/create-test-topic.ts';
import { patched } from './patch/unpatched-kafkajs.ts';
import { openProducer } from './produce.ts';
import { testConnection } from './test-connection.ts';

const brokers = inject('kafkaBrokers');
const { GZIP, None } = patched.kafkajs.CompressionTypes;

/** Writes of every kind: plain and compressed, committed and aborted, transactions that overlap. */
async function writeOfEveryKind(topic: string): Promise<void> {
  const [plain, first, second] = await Promise.all([
    openProducer(brokers),
    openProducer(brokers, randomUUID()),
    openProducer(brokers, randomUUID()),
  ]);
  const at = (message: Omit<Message, 'partition' | 'timestamp'>, timestamp: number): Message => ({
    ...message,
    partition: 0,
    timestamp: String(timestamp),
  });
  const contents = [
    at({ key: 'key', value: 'value' }, 1_700_000_000_000),
    at({ key: null, value: null }, 1_600_000_000_000),
    at({ key: '', value: '' }, 1_700_000_000_001),
    at({ key: 'ü', value: '✓'.repeat(50) }, 1_700_000_000_002),
    at({ value: 'v', headers: { one: '1', two: ['a', 'b'], none: '' } }, 1_700_000_000_003),
  ];
  await plain.send({ topic, messages: contents, compression: None });
  await plain.send({ topic, messages: contents, compression: GZIP });

  const a = await first.transaction();
  const b = await second.transaction();
  const write = (transaction: typeof a, value: string, compression = None) =>
    transaction.send({
      topic,
      messages: [at({ key: Buffer.alloc(4), value }, 1_700_000_000_004)],
      compression,
    });
  await write(a, 'aborted a1');
  await write(b, 'aborted b1', GZIP);
  await plain.send({ topic, messages: contents });
  await write(a, 'aborted a2');
  await b.abort();
  await write(a, 'aborted a3');
  await a.abort();
  const c = await first.transaction();
  const d = await second.transaction();
  await write(c, 'committed c1');
  await write(d, 'aborted d1');
  await write(c, 'committed c2', GZIP);
  await d.abort();
  await c.commit();
  await plain.send({ topic, messages: contents.slice(0, 1) });
  // Left open: what follows is not readable yet.
  const open = await first.transaction();
  await write(open, 'open');
  await plain.send({ topic, messages: contents });
  await Promise.all([plain.disconnect(), second.disconnect(), first.disconnect()]);
}

const text = (bytes: Buffer | null) => bytes?.toString() ?? 'null';

/** A record in the words of the console consumer. */
function print(record: RecordCursor, timestampType: string): string {
  const headers = record.headers().map(([name, value]) => `${name}:${text(value)}`);
  return [
    `${timestampType}:${record.timestampMs}`,
    `Offset:${record.offset}`,
    headers.join(',') || 'NO_HEADERS',
    text(record.key()),
    text(record.value()),
  ].join('\t');
}

describe('a partition reader', () => {
  it('shows what Java shows, with timestamps of the producer and of the broker', async () => {
    const prefix = `every-kind-${randomUUID()}`;
    const timestampTypes = ['CreateTime', 'LogAppendTime'];
    const topics = await Promise.all(
      timestampTypes.map((type) =>
        createTestTopic(brokers, prefix, { config: { 'message.timestamp.type': type } }),
      ),
    );
    for (const topic of topics) await writeOfEveryKind(topic);
    const java = runTool(
      'kafka-console-consumer',
      [
        ...['--include', `${prefix}.*`, '--from-beginning', '--isolation-level', 'read_committed'],
        ...['--timeout-ms', '20000'],
        ...['timestamp', 'offset', 'headers', 'key', 'value'].flatMap((part) => [
          '--formatter-property',
          `print.${part}=true`,
        ]),
      ],
      { brokers },
    );

    const reader = await createPartitionReader(testConnection(brokers));
    const printed: string[][] = [];
    for (const [index, topic] of topics.entries()) {
      const lines: string[] = [];
      const [to] = await reader.endOffsets(topic);
      for await (const batch of reader.read({ topic, partition: 0, from: 0n, to: to! }))
        for (const record = batch.walk(); record.next();) lines.push(print(record, timestampTypes[index]!));
      printed.push(lines);
    }
    await reader.close();

    const { stdout, stderr } = await java;
    expect(stderr).toContain('Processed a total of 36 messages');
    const lines = stdout.split('\n');
    expect(printed).toEqual(timestampTypes.map((type) => lines.filter((line) => line.startsWith(type))));
  });
});
