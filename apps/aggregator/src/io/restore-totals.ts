import { KafkaClientError, type PartitionReader } from '@clickstream/kafka-client';
import { decodeRunningTotal } from '@clickstream/schema';
import type { ClickCounter } from '../core/click-counter.ts';

/**
 * Fills a counter with the totals published so far, from the beginning of the result partition to its last
 * stable offset.
 *
 * @throws KafkaClientError `CLICKSTREAM_KAFKA_UNREADABLE_RECORDS` for a result that does not decode: counting
 * on without it would publish a total that is too low.
 */
export async function restoreTotals(
  counter: ClickCounter,
  reader: PartitionReader,
  topic: string,
  partition: number,
  signal: AbortSignal,
): Promise<void> {
  const [starts, ends] = [await reader.startOffsets(topic), await reader.endOffsets(topic)];
  const from = starts[partition] ?? 0n;
  const to = ends[partition] ?? 0n;
  for await (const batch of reader.read({ topic, partition, from, to }, signal)) {
    for (const record = batch.walk(); record.next();) {
      const key = record.key();
      const value = record.value();
      if (value === null) {
        if (key) counter.forget(key.toString('utf8'));
        continue;
      }
      const decoded = decodeRunningTotal(key, value, (name) => record.header(name));
      if (decoded.status === 'malformed')
        throw new KafkaClientError(
          'CLICKSTREAM_KAFKA_UNREADABLE_RECORDS',
          `${topic} [${partition}] holds no running total at offset ${record.offset} (${decoded.reason}: ${decoded.detail}): is another program writing to it? Use another USER_CLICK_AGGREGATION_TOPIC`,
          { topic, partition, offset: record.offset },
        );
      counter.restore(decoded.value);
    }
  }
}
