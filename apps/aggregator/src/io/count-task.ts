import {
  homePartition,
  type FetchedBatch,
  type OutgoingRecord,
  type PartitionReader,
  type PartitionTask,
  type RecordProducer,
} from '@clickstream/kafka-client';
import { encodeRunningTotal } from '@clickstream/schema';
import type { Config } from '../config.ts';
import { ClickCounter } from '../core/click-counter.ts';
import { ClickTopology } from '../core/click-topology.ts';
import { restoreTotals } from './restore-totals.ts';

/**
 * The work on one partition of the click topic, at least once. In order, for one batch:
 *
 * 1. count every click of it in memory;
 * 2. write the results and dead letters, and wait until all are acknowledged;
 * 3. commit the offset behind the batch (the consumer does, when `process` resolves).
 *
 * A crash before 2 costs nothing: the batch comes again. One between 2 and 3 counts the batch twice, since the
 * restored totals have it already. Nothing is lost in either case.
 */
export async function createCountTask(
  config: Config,
  partitions: number,
  partition: number,
  reader: PartitionReader,
  producer: RecordProducer,
  signal: AbortSignal,
): Promise<PartitionTask> {
  const counter = new ClickCounter(
    (userId) => partitions === 1 || homePartition(Buffer.from(userId), partitions) === partition,
    config.RESULT_EMIT,
  );
  await restoreTotals(counter, reader, config.USER_CLICK_AGGREGATION_TOPIC, partition, signal);
  const topology = new ClickTopology({ topic: config.CLICKSTREAM_TOPIC, partition }, counter);

  return {
    async process(batch: FetchedBatch): Promise<void> {
      for (const record = batch.walk(); record.next();) topology.process(record);
      await writeAll(producer, toRecords(config, partition, topology.takeOutputs()));
    },
  };
}

function* toRecords(
  config: Config,
  partition: number,
  { results, deadLetters }: ReturnType<ClickTopology['takeOutputs']>,
): Generator<OutgoingRecord> {
  for (const total of results) {
    const { key, value, headers } = encodeRunningTotal(total, config.RESULT_FORMAT);
    yield {
      topic: config.USER_CLICK_AGGREGATION_TOPIC,
      partition,
      key: Buffer.from(key),
      value: Buffer.from(value),
      ...(headers && { headers }),
    };
  }
  for (const deadLetter of deadLetters) yield { topic: config.DEAD_LETTER_TOPIC, partition, ...deadLetter };
}

/** Writes the records and waits for all. @throws the error of the first that was not delivered. */
async function writeAll(producer: RecordProducer, records: Iterable<OutgoingRecord>): Promise<void> {
  let failure: Error | undefined;
  let undelivered = 0;
  const { promise: allReported, resolve } = Promise.withResolvers<undefined>();
  for (const record of records) {
    undelivered++;
    const hasRoom = producer.write(record, (report) => {
      if (report.status === 'failed') failure ??= report.error;
      if (--undelivered === 0) resolve(undefined);
    });
    if (!hasRoom) await producer.whenWritable();
  }
  await (undelivered === 0 ? undefined : allReported);
  if (failure) throw failure;
}
