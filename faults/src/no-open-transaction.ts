import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { createPartitionReader } from '@clickstream/kafka-client';
import type { TestTopics } from '@clickstream/test-harness';

/** The markers come after the answer to a commit, and a transaction that nobody ends is open for 30 s. */
const PATIENCE_MS = 10_000;
const LOOK_MS = 50;

/**
 * Creates a look at topics to which nobody writes at that moment: whether a transaction is open on them. Then the last stable
 * offset is behind the end of the log. It asks for offsets only, where Kafka's own tool would start a JVM.
 *
 * @returns what throws AssertionError when one stays open.
 */
export async function createOpenTransactionLook(
  { connection, log, reader, atEnd }: TestTopics,
  names: readonly string[],
): Promise<() => Promise<void>> {
  const uncommitted = await createPartitionReader({ connection, log, isolation: 'read_uncommitted' });
  atEnd(() => uncommitted.close());
  const isOpen = async (topic: string) => {
    const ends = await uncommitted.endOffsets(topic);
    const stableEnds = await reader.endOffsets(topic);
    return ends.some((end, partition) => (stableEnds[partition] ?? 0n) < end);
  };
  return async () => {
    const startedAt = performance.now();
    for (const topic of names)
      while (await isOpen(topic)) {
        assert.ok(performance.now() - startedAt < PATIENCE_MS, `a transaction stays open on ${topic}`);
        await delay(LOOK_MS);
      }
  };
}
