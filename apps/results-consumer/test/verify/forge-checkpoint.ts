import type { TestAggregation } from './test-aggregation.ts';

/** A checkpoint as it stands in its record. */
export interface RawCheckpoint {
  sequence: number;
  input: { position: string; lossAccepted?: string };
  repartition: { position: string; lossAccepted?: string };
  marks: Record<string, string>;
  receivedFrom?: Record<string, number>;
  resultEnds: Record<string, string>;
  books: Record<string, number>;
  sums: { clicks: number; users: number };
  state: { books: Record<string, number> };
}

/** Writes a partition's newest checkpoint once more, changed, as if it were that of one commit more. */
export async function forgeCheckpoint(
  { topics, newest, write }: TestAggregation,
  partition: number,
  change: (checkpoint: RawCheckpoint) => void,
): Promise<void> {
  const { key, value } = await newest(topics.checkpoints, partition);
  const checkpoint = JSON.parse(value.toString('utf8')) as RawCheckpoint;
  checkpoint.sequence++;
  change(checkpoint);
  await write({ topic: topics.checkpoints, partition, key, value: Buffer.from(JSON.stringify(checkpoint)) });
}

/**
 * Gives the user whose total was written last in a partition another one, with a checkpoint, sums and books that agree
 * with it: `entry` of the books makes up for the difference.
 */
export async function forgeTotal(
  aggregation: TestAggregation,
  partition: number,
  entry: 'read' | 'received',
  change: (clicks: number) => number,
): Promise<{ readonly userId: string; readonly before: number; readonly after: number }> {
  const { topics, newest, write, reader } = aggregation;
  const { key, value } = await newest(topics.totals, partition);
  const total = JSON.parse(value.toString('utf8')) as { userId: string; clicks: number };
  const after = change(total.clicks);
  const more = after - total.clicks;
  // A tombstone ends the sequence, so that the total may be any.
  if (more < 0) await write({ topic: topics.totals, partition, key, value: null });
  const forged = Buffer.from(JSON.stringify({ ...total, clicks: after }));
  await write({ topic: topics.totals, partition, key, value: forged });
  const end = (await reader.endOffsets(topics.totals))[partition];
  await forgeCheckpoint(aggregation, partition, ({ resultEnds, sums, books, state }) => {
    resultEnds[topics.totals] = String(end);
    sums.clicks += more;
    for (const name of ['counted', entry]) books[name] = (books[name] ?? 0) + more;
    for (const name of ['windowed', 'sessioned']) state.books[name] = (state.books[name] ?? 0) + more;
  });
  return { userId: total.userId, before: total.clicks, after };
}

/** Adds to an offset. */
export function bump(record: Record<string, string>, name: string, by: number): void {
  record[name] = String(Number(record[name]) + by);
}
