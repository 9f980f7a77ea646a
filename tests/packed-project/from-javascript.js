/** Somebody else's project in JavaScript: a click as a sentence, there and back. */
import { Buffer } from 'node:buffer';
import {
  createLogger,
  createPartitionReader,
  createRecordProducer,
  ensureTopics,
  kafkaConnection,
  kafkaEnvironment,
  parseEnvironment,
} from '@clickstream/kafka-client';
import {
  createTopicSpecs,
  decodeClickEvent,
  DEFAULT_TOPIC_NAMES,
  encodeClickEvent,
} from '@clickstream/schema';
import { z } from 'zod';

const connection = kafkaConnection(
  parseEnvironment(z.object(kafkaEnvironment), process.env),
  'from-javascript',
);
const log = createLogger('from-javascript', { LOG_LEVEL: 'warn' }, false);
const topic = process.env['CLICKSTREAM_TOPIC'];
const { CLICKSTREAM_TOPIC: spec } = createTopicSpecs({ ...DEFAULT_TOPIC_NAMES, CLICKSTREAM_TOPIC: topic });
await ensureTopics({ connection, log, topics: [spec], partitions: 1 });

const sentence = encodeClickEvent({ userId: '42', url: '/page3', timestamp: 1_711_111_111_123 }, 'sentence');
const producer = await createRecordProducer([topic], { connection, log });
const { partition, offset } = await producer.send({ topic, key: null, value: Buffer.from(sentence) });
await producer.close();

const reader = await createPartitionReader({ connection, log });
for await (const batch of reader.read({ topic, partition, from: offset, to: offset + 1n }))
  for (const cursor = batch.walk(); cursor.next();)
    process.stdout.write(JSON.stringify({ sentence, read: decodeClickEvent(cursor.value()) }));
await reader.close();
