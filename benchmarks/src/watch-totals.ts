import type { PartitionReader } from '@clickstream/kafka-client';
import { PARTITIONS } from './bench-topics.ts';

/** Reads committed totals as they come, until told to stop. */
export async function watchTotals(
  reader: PartitionReader,
  topic: string,
  signal: AbortSignal,
  onTotal: (userId: string, clicks: number) => void,
): Promise<void> {
  await Promise.all(
    Array.from({ length: PARTITIONS }, async (_, partition) => {
      for await (const batch of reader.read({ topic, partition, from: 0n }, signal))
        for (const record = batch.walk(); record.next();) {
          const total = JSON.parse(record.value()?.toString('utf8') ?? '') as {
            userId: string;
            clicks: number;
          };
          onTotal(total.userId, total.clicks);
        }
    }),
  );
}
