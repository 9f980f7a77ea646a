import { decodeDeadLetter, type DecodedDeadLetter } from '@clickstream/schema';
import type { TestTopics } from './test-topics.ts';

/** All committed dead letters of a test. @throws Error for a record that is none. */
export async function readDeadLetters({
  reader,
  deadLetters: topic,
}: TestTopics): Promise<DecodedDeadLetter[]> {
  const ends = await reader.endOffsets(topic);
  const letters: DecodedDeadLetter[] = [];
  for (const [partition, to] of ends.entries())
    for await (const batch of reader.read({ topic, partition, from: 0n, to }))
      for (const record = batch.walk(); record.next();) {
        const decoded = decodeDeadLetter({
          key: copy(record.key()),
          value: copy(record.value()),
          headers: record.headers().map(([name, value]) => [name, Buffer.from(value)]),
        });
        if (decoded.status === 'malformed') throw new Error(decoded.detail);
        letters.push(decoded.value);
      }
  return letters;
}

function copy(bytes: Buffer | null): Buffer | null {
  return bytes && Buffer.from(bytes);
}
