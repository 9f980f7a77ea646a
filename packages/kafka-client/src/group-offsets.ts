import type { KafkaConnection } from './connection.ts';
import { describeError, KafkaClientError } from './error.ts';
import { createKafkajs } from './kafkajs-client.ts';
import type { Logger } from './logger.ts';

/** The next offset to read that a group has committed, by partition, for each of some topics; what it has not is left out. @throws KafkaClientError `CLICKSTREAM_KAFKA_UNREACHABLE` */
export async function readGroupOffsets(
  connection: KafkaConnection,
  log: Logger,
  groupId: string,
  topics: readonly string[],
): Promise<Map<string, Map<number, bigint>>> {
  // One that retries: kafkajs knows no broker to ask for the group's coordinator until its first attempt failed.
  const admin = createKafkajs(connection, log).admin();
  try {
    await admin.connect();
    const found = await admin.fetchOffsets({ groupId, topics: [...topics] });
    return new Map(
      found.map(({ topic, partitions }) => [
        topic,
        new Map(
          partitions
            .map(({ partition, offset }) => [partition, BigInt(offset)] as const)
            .filter(([, offset]) => offset >= 0n),
        ),
      ]),
    );
  } catch (error) {
    throw new KafkaClientError(
      'CLICKSTREAM_KAFKA_UNREACHABLE',
      `reading the offsets of group ${groupId}: ${describeError(error)}`,
      { cause: error },
    );
  } finally {
    await admin.disconnect().catch(() => undefined);
  }
}
