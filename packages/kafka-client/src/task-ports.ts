import { processClock, type Clock } from './clock.ts';
import { connectAdmin } from './connect-admin.ts';
import type { KafkaConnection } from './connection.ts';
import { readGroupOffsets } from './group-offsets.ts';
import { joinGroup, type GroupMembership, type GroupMembershipOptions } from './group-membership.ts';
import type { Logger } from './logger.ts';
import { createPartitionReader, type PartitionReader } from './partition-reader.ts';
import {
  TransactionalProducer,
  type InputPosition,
  type PlacedRecord,
  type TopicPartitions,
} from './transactional-producer.ts';

/** What a task needs of the one producer object that it has at a time; see {@link TransactionalProducer}. */
export interface TaskProducer {
  begin(): Promise<void>;
  send(records: readonly PlacedRecord[], onPart?: () => void): Promise<Map<string, bigint>>;
  sendOffsets(groupId: string, positions: readonly InputPosition[]): Promise<void>;
  commit(): Promise<void>;
  abortLeftOvers(places: readonly TopicPartitions[], groupId: string): Promise<void>;
  assertOwner(groupId: string): Promise<void>;
  drop(): Promise<void>;
}

/**
 * All that the engine relies on: Kafka, and time. There is one implementation for real brokers; the deterministic
 * simulation in `testing/` is the other.
 */
export interface TaskPorts {
  readonly reader: Pick<PartitionReader, 'logBounds' | 'read' | 'silenceMs' | 'close'>;
  readonly clock: Clock;
  fence(transactionalId: string): Promise<TaskProducer>;
  joinGroup(options: Omit<GroupMembershipOptions, 'connection' | 'log'>): Promise<GroupMembership>;
  /** The next offset to read that the group has committed, by partition, for each topic. */
  groupOffsets(groupId: string, topics: readonly string[]): Promise<Map<string, Map<number, bigint>>>;
  /** Resolves when a broker answers; rejects when none has for a while, or when `signal` aborts. */
  reach(signal: AbortSignal): Promise<void>;
  /** Deletes the records below the given offsets. */
  deleteRecords(
    topic: string,
    below: readonly { readonly partition: number; readonly offset: bigint }[],
    signal: AbortSignal,
  ): Promise<void>;
}

/** The ports of real brokers. @throws KafkaClientError `CLICKSTREAM_KAFKA_UNREACHABLE` */
export async function kafkaPorts(connection: KafkaConnection, log: Logger): Promise<TaskPorts> {
  const withAdmin = async (
    signal: AbortSignal,
    use?: (admin: Awaited<ReturnType<typeof connectAdmin>>) => Promise<unknown>,
  ) => {
    const admin = await connectAdmin(connection, log, signal);
    try {
      await use?.(admin);
    } finally {
      await admin.disconnect().catch(() => undefined);
    }
  };
  return {
    reader: await createPartitionReader({ connection, log }),
    clock: processClock,
    fence: (transactionalId) => TransactionalProducer.fence(connection, log, transactionalId),
    joinGroup: (options) => joinGroup({ connection, log, ...options }),
    groupOffsets: (groupId, topics) => readGroupOffsets(connection, log, groupId, topics),
    reach: (signal) => withAdmin(signal),
    deleteRecords: (topic, below, signal) =>
      withAdmin(signal, (admin) =>
        admin.deleteTopicRecords({
          topic,
          partitions: below.map(({ partition, offset }) => ({ partition, offset: offset.toString() })),
        }),
      ),
  };
}
