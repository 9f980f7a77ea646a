import { encodeClickEvent } from '@clickstream/schema';
import { openTransaction, type RandomSource, type TestTopics } from '@clickstream/test-harness';

const CANARIES = 20;

/**
 * Leaves a transaction open with clicks that nobody may count: one that is counted has a total, which nobody expects.
 *
 * @param name tells these users apart from those of other transactions.
 * @returns what aborts it.
 */
export async function openCanaries(
  topics: TestTopics,
  topic: string,
  random: RandomSource,
  name: string,
): Promise<() => Promise<void>> {
  const records = Array.from({ length: CANARIES }, (_, number) => {
    const userId = `canary-${name}-${number}`;
    return {
      key: Buffer.from(userId),
      value: Buffer.from(encodeClickEvent({ userId, url: '/', timestamp: 1 }, 'sentence')),
      partition: random.below(topics.partitions),
    };
  });
  return openTransaction(topics, topic, records);
}
