import type { PartitionReader } from '@clickstream/kafka-client';
import type { ReadProgress } from './read-progress.ts';
import type { Cut } from './take-cut.ts';

/** The dead letters of a task below the cut. */
export interface DeadLetterCount {
  /** The first offset that retention has left. */
  readonly start: number;
  readonly letters: number;
  /** Those of records of the repartition topic that did not belong there. */
  readonly misrouted: number;
}

/** Counts the dead letters of each task. */
export async function countDeadLetters(
  reader: PartitionReader,
  topic: string,
  cut: Cut,
  progress: ReadProgress,
  signal: AbortSignal,
): Promise<DeadLetterCount[]> {
  const starts = await reader.startOffsets(topic);
  const ends = await reader.endOffsets(topic);
  return Promise.all(
    cut.map(async ({ partition, resultEnds }) => {
      const from = starts[partition] ?? 0n;
      const end = Math.min(resultEnds.get(topic) ?? 0, Number(ends[partition] ?? 0n));
      const range = { topic, partition, from, to: BigInt(end) };
      let letters = 0;
      let misrouted = 0;
      for await (const batch of progress.watch(reader.read(range, signal), range))
        for (const record = batch.walk(); record.next();) {
          letters++;
          if (record.header('dead-letter-reason')?.toString('latin1') === 'misrouted') misrouted++;
        }
      return { start: Number(from), letters, misrouted };
    }),
  );
}
