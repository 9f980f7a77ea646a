import type { TestTopics } from '@clickstream/test-harness';
import { administer } from './administer.ts';

const LINE = /Topic: (\S+)\s+Partition: \d+\s+Leader: (\d+)/;

/** How many partitions of each topic, the coordinators' own topics among them, a node leads. */
export async function ledBy(topics: TestTopics, node: number): Promise<Readonly<Record<string, number>>> {
  const names = [topics.clicks, '__transaction_state', '__consumer_offsets'];
  const led = Object.fromEntries(names.map((name) => [name, 0]));
  for (const line of (await administer(topics, 'kafka-topics', ['--describe'])).split('\n')) {
    const [, topic = '', leader] = LINE.exec(line) ?? [];
    if (Number(leader) === node && topic in led) led[topic] = (led[topic] ?? 0) + 1;
  }
  return led;
}
