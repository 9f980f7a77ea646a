import type { FetchedBatch } from '@clickstream/kafka-client';

/** Offsets `[from, to)` that are going to be read. */
export interface Stretch {
  readonly from: bigint;
  readonly to: bigint;
}

/** How far the reading is. */
export class ReadProgress {
  /** Offsets that were to be read so far; more may come. */
  total = 0;
  done = 0;

  /** Hands on the batches of a stretch and counts the offsets behind them. */
  async *watch(
    batches: AsyncIterable<FetchedBatch>,
    { from, to }: Stretch,
  ): AsyncGenerator<FetchedBatch, void> {
    if (to > from) this.total += Number(to - from);
    for await (const batch of batches) {
      yield batch;
      this.done += Number(batch.nextOffset - batch.fetchedOffset);
    }
  }
}
