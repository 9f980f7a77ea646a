import { setTimeout as delay } from 'node:timers/promises';
import type { Consumer } from '#kafkajs';
import type { KafkaConnection } from './connection.ts';
import { describeError, KafkaClientError } from './error.ts';
import { createKafkajs } from './kafkajs-client.ts';
import type { Logger } from './logger.ts';
import { stickyAssignor } from './sticky-assignor.ts';

export interface GroupMembershipOptions {
  readonly connection: KafkaConnection;
  readonly log: Logger;
  readonly groupId: string;
  /** Makes us a static member: the seat is kept while we restart, for the session time-out of 10 s. */
  readonly instanceId?: string | undefined;
  /** Whether leaving gives up the seat; by default a static member keeps it. */
  readonly leaveOnStop?: boolean | undefined;
  /** The topic whose partitions the group shares out. */
  readonly topic: string;
  /** Called synchronously when the group has given us partitions, perhaps the same as before, perhaps none. */
  readonly onAssigned: (partitions: readonly number[]) => void;
  /** Called when the coordinator has confirmed our seat in the current generation. */
  readonly onHeartbeat?: () => void;
  /** Called when the group begins to share out anew; until `onAssigned` others may be given what we have. */
  readonly onRebalancing?: () => void;
}

/** Our seat in a consumer group. */
export interface GroupMembership {
  /** Rejects when the seat is lost for good: a crash of the client, or no heartbeat for 45 s. Never resolves. */
  readonly failed: Promise<never>;
  /** Commits the next offset to read of one partition. @throws kafkajs' error; see {@link isGroupMovedOn}. */
  commit(partition: number, nextOffset: bigint): Promise<void>;
  /** Ends the membership; whether that gives up the seat, so that others take over at once, was said when joining. */
  leave(): Promise<void>;
}

const SESSION_TIMEOUT_MS = 10_000;
/** Others learn with their next heartbeat that a member has left: half of what a hand-over takes. */
const HEARTBEAT_INTERVAL_MS = 250;
const REBALANCE_TIMEOUT_MS = 30_000;
const WATCH_INTERVAL_MS = 1_000;
const HEARTBEAT_LIMIT_MS = 45_000;
const LEAVE_DEADLINE_MS = 3_000;

/**
 * Joins a consumer group for its part only: who works on which partition. kafkajs' own fetching is paused for
 * good, since it jumps on offsets out of range, swallows empty fetches and waits for the slowest partition.
 *
 * @throws KafkaClientError `CLICKSTREAM_KAFKA_UNREACHABLE`
 */
export async function joinGroup(options: GroupMembershipOptions): Promise<GroupMembership> {
  const { connection, log, groupId, instanceId, topic, onAssigned, onRebalancing } = options;
  const { leaveOnStop = instanceId === undefined } = options;
  const assignor = stickyAssignor(topic);
  const consumer = createKafkajs(connection, log).consumer({
    groupId,
    ...(instanceId !== undefined && { groupInstanceId: instanceId }),
    leaveOnStop,
    partitionAssigners: [assignor.create],
    sessionTimeout: SESSION_TIMEOUT_MS,
    heartbeatInterval: HEARTBEAT_INTERVAL_MS,
    rebalanceTimeout: REBALANCE_TIMEOUT_MS,
    maxWaitTimeInMs: HEARTBEAT_INTERVAL_MS / 2,
    allowAutoTopicCreation: false,
    retry: {
      initialRetryTime: 100,
      maxRetryTime: 2_000,
      retries: 8,
      restartOnFailure: () => Promise.resolve(false),
    },
  });
  let heartbeatAt = performance.now();
  const { promise: failed, reject: fail } = Promise.withResolvers<never>();
  failed.catch(() => undefined); // whoever is interested awaits it
  // kafkajs may go on joining after it was told to stop; that is none of ours any more.
  let isOver = false;
  failed.catch(() => {
    isOver = true;
  });

  const { GROUP_JOIN, REBALANCING, HEARTBEAT, CRASH } = consumer.events;
  consumer.on(GROUP_JOIN, ({ payload }) => {
    if (isOver) return;
    heartbeatAt = performance.now();
    const partitions = payload.memberAssignment[topic] ?? [];
    // Listeners run synchronously, so this comes before the first fetch of the generation.
    consumer.pause([{ topic, partitions }]);
    assignor.owned = partitions;
    onAssigned(partitions);
  });
  consumer.on(REBALANCING, () => {
    onRebalancing?.();
  });
  consumer.on(HEARTBEAT, () => {
    if (isOver) return;
    heartbeatAt = performance.now();
    options.onHeartbeat?.();
  });
  /** Errors that joining again cannot mend. */
  const finalFailure = (error: unknown): KafkaClientError | undefined => {
    if (hasKafkaError(error, ['FENCED_INSTANCE_ID']))
      return new KafkaClientError(
        'CLICKSTREAM_KAFKA_REPLACED',
        `another process has joined group ${groupId} with INSTANCE_ID ${instanceId ?? ''}: this one ends`,
        { cause: error },
      );
    if (hasKafkaError(error, ['GROUP_AUTHORIZATION_FAILED']))
      return new KafkaClientError(
        'CLICKSTREAM_KAFKA_AUTHORIZATION',
        `joining group ${groupId} is not allowed: ${describeError(error)}`,
        { cause: error },
      );
    return undefined;
  };
  consumer.on(CRASH, ({ payload: { error } }) => {
    fail(
      finalFailure(error) ??
        new KafkaClientError(
          'CLICKSTREAM_KAFKA_CONSUMER_CRASHED',
          `the consumer crashed: ${describeError(error)}`,
          { cause: error },
        ),
    );
  });
  try {
    await consumer.connect();
    await consumer.subscribe({ topics: [topic], fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      eachBatch: () => Promise.reject(new Error('kafkajs fetched although everything is paused')),
    });
  } catch (error) {
    await disconnect(consumer);
    throw (
      finalFailure(error) ??
      new KafkaClientError(
        'CLICKSTREAM_KAFKA_UNREACHABLE',
        `joining group ${groupId}: ${describeError(error)}`,
        { cause: error },
      )
    );
  }
  // kafkajs can lose its loop, or its CRASH event, without a word: then the heartbeats stop.
  const watch = setInterval(() => {
    if (performance.now() - heartbeatAt > HEARTBEAT_LIMIT_MS)
      fail(
        new KafkaClientError(
          'CLICKSTREAM_KAFKA_STALLED',
          `no heartbeat to group ${groupId} for ${HEARTBEAT_LIMIT_MS / 1000} s`,
        ),
      );
  }, WATCH_INTERVAL_MS);

  return {
    failed,
    commit: (partition, nextOffset) =>
      consumer.commitOffsets([{ topic, partition, offset: nextOffset.toString() }]),
    leave: async () => {
      isOver = true;
      clearInterval(watch);
      await disconnect(consumer);
    },
  };
}

async function disconnect(consumer: Consumer): Promise<void> {
  await Promise.race([
    consumer.disconnect().catch(() => undefined),
    delay(LEAVE_DEADLINE_MS, undefined, { ref: false }),
  ]);
}

const MOVED_ON = [
  'REBALANCE_IN_PROGRESS',
  'ILLEGAL_GENERATION',
  'UNKNOWN_MEMBER_ID',
  'NOT_COORDINATOR_FOR_GROUP',
];

/** Whether a commit was refused because the group shares out anew or has done so without us. */
export function isGroupMovedOn(error: unknown): boolean {
  return hasKafkaError(error, MOVED_ON);
}

/** Whether an error is, or was caused by, one of these errors of the protocol; names as kafkajs has them. */
function hasKafkaError(error: unknown, names: readonly string[]): boolean {
  for (let at: unknown = error; at instanceof Error; at = at.cause)
    if ('type' in at && typeof at.type === 'string' && names.includes(at.type)) return true;
  return false;
}
