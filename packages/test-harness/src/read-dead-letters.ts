import { decodeDeadLetter, type DecodedDeadLetter } from '@clickstream/schema';
import { readCommitted } from './read-committed.ts';
import type { TestTopics } from './test-topics.ts';

/** All committed dead letters of a test. @throws Error for a record that is none. */
export async function readDeadLetters(topics: TestTopics): Promise<DecodedDeadLetter[]> {
  const letters: DecodedDeadLetter[] = [];
  for await (const record of readCommitted(topics, topics.deadLetters)) {
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
