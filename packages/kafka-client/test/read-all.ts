import { createPartitionReader } from '../src/partition-reader.ts';
import { testConnection } from './test-connection.ts';

/** A record as it is in the log. */
export interface LoggedRecord {
  readonly offset: bigint;
  readonly key: string | null;
  readonly value: string | null;
  readonly headers: readonly [name: string, value: string][];
  /** First offset of the record batch it was written in. */
  readonly batch: bigint;
}

/** All committed records of a topic, by partition. */
export async function readAll(brokers: string, topic: string): Promise<LoggedRecord[][]> {
  const reader = await createPartitionReader(testConnection(brokers));
  try {
    const starts = await reader.startOffsets(topic);
    const ends = await reader.endOffsets(topic);
    return await Promise.all(
      ends.map(async (to, partition) => {
        const records: LoggedRecord[] = [];
        for await (const batch of reader.read({ topic, partition, from: starts[partition]!, to }))
          for (const record = batch.walk(); record.next();)
            records.push({
              offset: record.offset,
              key: record.key()?.toString() ?? null,
              value: record.value()?.toString() ?? null,
              headers: record.headers().map(([name, value]) => [name, value.toString()]),
              batch: record.batchBaseOffset,
            });
        return records;
      }),
    );
  } finally {
    await reader.close();
  }
}
