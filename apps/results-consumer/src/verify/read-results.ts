import type { PartitionReader, RecordCursor } from '@clickstream/kafka-client';
import type { ReadProgress } from './read-progress.ts';
import type { Cut, Task } from './take-cut.ts';

/** Reads a result topic, records above the cut included; returns the first offset of each partition. */
export async function readResults(
  reader: PartitionReader,
  topic: string,
  cut: Cut,
  progress: ReadProgress,
  signal: AbortSignal,
  take: (task: Task, record: RecordCursor) => void,
): Promise<number[]> {
  const starts = await reader.startOffsets(topic);
  const ends = await reader.endOffsets(topic);
  await Promise.all(
    cut.map(async (task) => {
      const { partition } = task;
      const range = { topic, partition, from: starts[partition] ?? 0n, to: ends[partition] ?? 0n };
      for await (const batch of progress.watch(reader.read(range, signal), range))
        for (const record = batch.walk(); record.next();) take(task, record);
    }),
  );
  return cut.map(({ partition }) => Number(starts[partition] ?? 0n));
}
