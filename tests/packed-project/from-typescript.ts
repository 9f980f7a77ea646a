/** Somebody else's project in TypeScript: reads its environment, produces clicks and reads them back. */
import {
  createLogger,
  createPartitionReader,
  createRecordProducer,
  ensureTopics,
  kafkaConnection,
  kafkaEnvironment,
  logEnvironment,
  parseEnvironment,
  type KafkaConnection,
} from '@clickstream/kafka-client';
import {
  createTopicSpecs,
  decodeClickEvent,
  DEFAULT_TOPIC_NAMES,
  encodeClickEvent,
  topicEnvironment,
  type ClickEvent,
} from '@clickstream/schema';
import { z } from 'zod';

// @ts-expect-error: if the packed types were not found, everything would be `any` and this no error
export const noClick: ClickEvent = { url: '/page1', timestamp: 'now' };

const environment = parseEnvironment(
  z.object({
    ...kafkaEnvironment,
    ...logEnvironment,
    CLICKSTREAM_TOPIC: topicEnvironment.CLICKSTREAM_TOPIC,
  }),
  process.env,
);
const connection: KafkaConnection = kafkaConnection(environment, 'from-typescript');
const log = createLogger('from-typescript', environment, false);
const { CLICKSTREAM_TOPIC: spec } = createTopicSpecs({ ...DEFAULT_TOPIC_NAMES, ...environment });
const partitions: number = await ensureTopics({ connection, log, topics: [spec], partitions: 2 });

const clicks: readonly ClickEvent[] = ['ada', 'grace', 'edsger'].map((userId, index) => ({
  eventId: `click-${index}`,
  userId,
  url: '/page1',
  timestamp: 1_700_000_000_000 + index,
}));
const producer = await createRecordProducer([spec.name], { connection, log });
const reports = await Promise.all(
  clicks.map((click) =>
    producer.send({
      topic: spec.name,
      key: Buffer.from(click.userId),
      value: Buffer.from(encodeClickEvent(click, 'json')),
    }),
  ),
);
await producer.close();

const read: unknown[] = [];
const reader = await createPartitionReader({ connection, log });
for (const [partition, to] of (await reader.endOffsets(spec.name)).entries())
  for await (const batch of reader.read({ topic: spec.name, partition, from: 0n, to }))
    for (const cursor = batch.walk(); cursor.next();) read.push(decodeClickEvent(cursor.value()));
await reader.close();

process.stdout.write(
  JSON.stringify({ partitions, clicks, read, latencies: reports.map(({ latencyMs }) => typeof latencyMs) }),
);
