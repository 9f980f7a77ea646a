import type { FetchedBatch, RecordCursor } from '@clickstream/kafka-client';

/**
 * Reads several partitions at once: each in the order of its offsets, all together by ingest time, which is about the
 * order in which they came.
 *
 * @param take gets each record with the index of its partition in `partitions`.
 */
export async function readByIngestTime(
  partitions: readonly AsyncGenerator<FetchedBatch, void>[],
  take: (index: number, record: RecordCursor) => void,
): Promise<void> {
  const lanes = partitions.map((batches, index) => new Lane(index, batches));
  try {
    await Promise.all(lanes.map((lane) => lane.refill()));
    for (let open = lanes.filter(hasRecord); open.length > 0; open = open.filter(hasRecord)) {
      const [first, until] = earliest(open);
      first.takeUntil(until, take);
      if (!first.record) await first.refill();
    }
  } finally {
    await Promise.all(partitions.map((batches) => batches.return()));
  }
}

/** One partition, and the record of it that is next. */
class Lane {
  record: RecordCursor | undefined;
  readonly #index: number;
  readonly #batches: AsyncIterator<FetchedBatch, void>;

  constructor(index: number, batches: AsyncIterator<FetchedBatch, void>) {
    this.#index = index;
    this.#batches = batches;
  }

  /** Steps on the first record of the next batch that has one. */
  async refill(): Promise<void> {
    for (;;) {
      const { done, value } = await this.#batches.next();
      if (done === true) return;
      const record = value.walk();
      if (!record.next()) continue;
      this.record = record;
      return;
    }
  }

  takeUntil(ingestTime: number, take: (index: number, record: RecordCursor) => void): void {
    const { record } = this;
    if (!record) return;
    do {
      take(this.#index, record);
      if (!record.next()) {
        this.record = undefined;
        return;
      }
    } while (record.timestampMs <= ingestTime);
  }
}

function hasRecord(lane: Lane): boolean {
  return lane.record !== undefined;
}

/** The lane whose record came first, and when the first one of all others came. */
function earliest(lanes: readonly Lane[]): [first: Lane, others: number] {
  let first: Lane | undefined;
  let firstAt = Infinity;
  let others = Infinity;
  for (const lane of lanes) {
    const at = lane.record?.timestampMs ?? Infinity;
    if (!first || at < firstAt) {
      others = firstAt;
      first = lane;
      firstAt = at;
    } else others = Math.min(others, at);
  }
  if (!first) throw new RangeError('no lane');
  return [first, others];
}
