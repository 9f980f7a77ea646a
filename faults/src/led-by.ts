import type { TestTopics } from '@clickstream/test-harness';
import { administer } from './administer.ts';

const LINE = /Topic: (\S+)\s+Partition: \d+\s+Leader: (\d+)/;

/** How many partitions of each topic that the aggregator works on, and of the coordinators' own topics, a node leads. */
export async function ledBy(topics: TestTopics, node: number): Promise<Readonly<Record<string, number>>> {
  const { clicks, totals, pages, sessions, deadLetters, checkpoint, repartition } = topics;
  const ours = [clicks, totals, pages, sessions, deadLetters, checkpoint, repartition];
  const names = [...ours, '__transaction_state', '__consumer_offsets'];
  const led = Object.fromEntries(names.map((name) => [name, 0]));
  for (const line of (await administer(topics, 'kafka-topics', ['--describe'])).split('\n')) {
    const [, topic = '', leader] = LINE.exec(line) ?? [];
    if (Number(leader) === node && topic in led) led[topic] = (led[topic] ?? 0) + 1;
  }
  return led;
}
