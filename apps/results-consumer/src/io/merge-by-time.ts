/** A line and the Kafka timestamp of the record that it shows, ms since the epoch. */
export interface TimedLine {
  readonly timestampMs: number;
  readonly line: string;
}

/**
 * Merges what partitions hold into the order of time, as far as the order within each, which is kept, allows.
 */
export async function* mergeByTime(
  sources: readonly (Iterator<TimedLine> | AsyncIterator<TimedLine>)[],
): AsyncGenerator<TimedLine, void> {
  const heads = await Promise.all(sources.map(async (source) => ({ source, head: await source.next() })));
  for (;;) {
    let oldest: { index: number; item: TimedLine } | undefined;
    for (const [index, { head }] of heads.entries()) {
      if (head.done === true) continue;
      if (!oldest || head.value.timestampMs < oldest.item.timestampMs) oldest = { index, item: head.value };
    }
    const lane = oldest && heads[oldest.index];
    if (!oldest || !lane) return;
    yield oldest.item;
    lane.head = await lane.source.next();
  }
}
