export { startBatchConsumer } from './batch-consumer.ts';
export type { BatchConsumer, BatchConsumerOptions, PartitionTask } from './batch-consumer.ts';
export { kafkaConnection, kafkaEnvironment } from './connection.ts';
export type { KafkaConnection, KafkaEnvironment } from './connection.ts';
export { copyRecords } from './copy-records.ts';
export type { CopyRecordsOptions } from './copy-records.ts';
export { ensureTopics } from './ensure-topics.ts';
export type { EnsureTopicsOptions, TopicSpec } from './ensure-topics.ts';
export { parseEnvironment, withDotEnv } from './environment.ts';
export type { Environment } from './environment.ts';
export { describeError, KAFKA_CLIENT_ERROR_CODES, KafkaClientError } from './error.ts';
export type { KafkaClientErrorCode, KafkaClientErrorFacts } from './error.ts';
export { firstAbort } from './first-abort.ts';
export type { FetchedBatch, RecordCursor } from './fetched-batch.ts';
export { createLogger, logEnvironment } from './logger.ts';
export type { Logger } from './logger.ts';
export { createPartitionReader } from './partition-reader.ts';
export type { PartitionRange, PartitionReader, PartitionReaderOptions } from './partition-reader.ts';
export { homePartition, murmur2 } from './placement.ts';
export { createRecordProducer } from './record-producer.ts';
export type {
  DeliveryReport,
  OutgoingRecord,
  RecordProducer,
  RecordProducerOptions,
} from './record-producer.ts';
export type { PlacedRecord } from './transactional-producer.ts';
export { runApp } from './run-app.ts';
export type { App, AppContext, AppOutput } from './run-app.ts';
export { internalTopics, startTaskProcessor } from './task-processor.ts';
export type { TaskProcessor, TaskProcessorOptions } from './task-processor.ts';
export { CRASH_POINTS } from './task-settings.ts';
export type { CrashPoint, TaskSettings, TaskStatus } from './task-settings.ts';
export type { ForwardedFrom, InputName, RecordVerdict, TaskLogic, TaskOutput } from './task-logic.ts';
export type { RecordOrigin } from './forwarding.ts';
export { healthEnvironment, startHealthServer } from './health-server.ts';
export type { HealthServer, HealthServerOptions } from './health-server.ts';
export { createTaskMetrics } from './task-metrics.ts';
export type { TaskMetrics } from './task-metrics.ts';
