/**
 * Two sends at once through the kafkajs in KAFKAJS, and the first response is lost: prints which of them were
 * acknowledged and what the log holds.
 */
import { createRequire } from 'node:module';
import {
  createLogger,
  createPartitionReader,
  kafkaConnection,
  kafkaEnvironment,
  parseEnvironment,
} from '@clickstream/kafka-client';
import { z } from 'zod';
// A copy of local-kafka's.
import { API_KEY, startKafkaProxy } from './kafka-proxy.ts';

const { Kafka, logLevel } = createRequire(import.meta.url)(process.env['KAFKAJS']);
const brokers = process.env['KAFKA_BROKERS'];
const topic = process.env['CLICKSTREAM_TOPIC'];

let isLost = false;
const proxy = await startKafkaProxy(brokers, {
  onResponse: ({ apiKey }) => {
    if (apiKey !== API_KEY.produce || isLost) return 'forward';
    isLost = true;
    return 'reset';
  },
});
const kafka = new Kafka({
  brokers: brokers.split(','),
  logLevel: logLevel.NOTHING,
  retry: { initialRetryTime: 30, retries: 8 },
  socketFactory: proxy.socketFactory,
});
const admin = kafka.admin();
await admin.connect();
await admin.createTopics({
  waitForLeaders: true,
  topics: [{ topic, numPartitions: 1, replicationFactor: 1 }],
});
await admin.disconnect();

const producer = kafka.producer({ idempotent: true });
await producer.connect();
const sent = await Promise.allSettled(
  ['A', 'B'].map((value) => producer.send({ topic, messages: [{ value, partition: 0 }] })),
);
await producer.disconnect();
await proxy.close();

const values = [];
const reader = await createPartitionReader({
  connection: kafkaConnection(parseEnvironment(z.object(kafkaEnvironment), process.env), 'concurrent-sends'),
  log: createLogger('concurrent-sends', { LOG_LEVEL: 'warn' }, false),
});
const [to] = await reader.endOffsets(topic);
for await (const batch of reader.read({ topic, partition: 0, from: 0n, to }))
  for (const cursor = batch.walk(); cursor.next();) values.push(String(cursor.value()));
await reader.close();
process.stdout.write(
  JSON.stringify({ acknowledged: sent.filter(({ status }) => status === 'fulfilled').length, log: values }),
);
