import { setTimeout as delay } from 'node:timers/promises';
import type { TestTopics } from '@clickstream/test-harness';
import { administer } from './administer.ts';

/** Waits until every replica is in sync, so that the next node may fail. */
export async function untilInSync(topics: Pick<TestTopics, 'connection'>): Promise<void> {
  while ((await administer(topics, 'kafka-topics', ['--describe', '--under-replicated-partitions'])).trim())
    await delay(500);
}
