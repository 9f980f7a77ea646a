import { randomUUID } from 'node:crypto';
import { quietClient } from './quiet-client.ts';
import { patched } from './unpatched-kafkajs.ts';

/** Creates a topic of this test's own and returns its name, which begins with `prefix`. */
export async function createTestTopic(
  brokers: string,
  prefix: string,
  options: { partitions?: number; config?: Readonly<Record<string, string>> } = {},
): Promise<string> {
  const topic = `${prefix}-${randomUUID()}`;
  const admin = quietClient(patched, brokers).admin();
  await admin.connect();
  try {
    await admin.createTopics({
      waitForLeaders: true,
      topics: [
        {
          topic,
          numPartitions: options.partitions ?? 1,
          replicationFactor: 1,
          configEntries: Object.entries(options.config ?? {}).map(([name, value]) => ({ name, value })),
        },
      ],
    });
  } finally {
    await admin.disconnect();
  }
  return topic;
}
