import type { TestTopics } from '@clickstream/test-harness';

/** At the end of a log there may be nothing but markers of transactions, and what they have aborted. */
const FIRST_SPAN = 1_000n;

/**
 * The offset of the last committed record of each partition that has any. It is read by our client, and so it is where
 * the witness may stop waiting, never what it has to have seen.
 */
export async function lastOffsets(
  { reader }: Pick<TestTopics, 'reader'>,
  topic: string,
): Promise<ReadonlyMap<number, number>> {
  const [starts, ends] = await Promise.all([reader.startOffsets(topic), reader.endOffsets(topic)]);
  const last = new Map<number, number>();
  for (const [partition, to] of ends.entries()) {
    const start = starts[partition] ?? 0n;
    for (let span = FIRST_SPAN, from = to; from > start && !last.has(partition); span *= 10n) {
      from = to - span > start ? to - span : start;
      for await (const batch of reader.read({ topic, partition, from, to }))
        for (const record = batch.walk(); record.next();) last.set(partition, Number(record.offset));
    }
  }
  return last;
}
