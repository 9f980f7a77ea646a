import { onTestFinished } from 'vitest';
import type { PartitionBroker } from '#kafkajs';
import { quietClient } from './patch/quiet-client.ts';
import { patched } from './patch/unpatched-kafkajs.ts';

/** A producer of transactions, as it names itself in each request. */
export interface TransactionOwner {
  readonly transactionalId: string;
  readonly producerId: string;
  readonly producerEpoch: number;
}

/** Requests of transactions and groups one by one, as kafkajs sends them; they are in no version of its types. */
export interface RawBroker extends PartitionBroker {
  initProducerId(request: {
    transactionalId: string;
    transactionTimeout: number;
  }): Promise<{ producerId: string; producerEpoch: number }>;
  addPartitionsToTxn(
    request: TransactionOwner & { topics: { topic: string; partitions: number[] }[] },
  ): Promise<unknown>;
  addOffsetsToTxn(request: TransactionOwner & { groupId: string }): Promise<unknown>;
  txnOffsetCommit(
    request: TransactionOwner & {
      groupId: string;
      topics: { topic: string; partitions: { partition: number; offset: string }[] }[];
    },
  ): Promise<unknown>;
  endTxn(request: TransactionOwner & { transactionResult: boolean }): Promise<unknown>;
  produce(
    request: TransactionOwner & {
      topicData: {
        topic: string;
        partitions: { partition: number; firstSequence: number; messages: { value: string }[] }[];
      }[];
    },
  ): Promise<{ topics: { partitions: { baseOffset: string }[] }[] }>;
  joinGroup(request: {
    groupId: string;
    sessionTimeout: number;
    rebalanceTimeout: number;
    groupProtocols: { name: string; metadata: Buffer }[];
    /** Of one that joins again. */
    memberId?: string;
    /** Of a static member. */
    groupInstanceId?: string;
  }): Promise<{ generationId: number; memberId: string; leaderId: string }>;
  syncGroup(request: {
    groupId: string;
    generationId: number;
    memberId: string;
    groupAssignment: { memberId: string; memberAssignment: Buffer }[];
  }): Promise<unknown>;
  heartbeat(request: {
    groupId: string;
    groupGenerationId: number;
    memberId: string;
    groupInstanceId?: string;
  }): Promise<unknown>;
  leaveGroup(request: { groupId: string; memberId: string }): Promise<unknown>;
}

/** The one broker of these tests, which leads a topic and coordinates everything; disconnected when the test ends. */
export async function rawBroker(brokers: string, topic: string): Promise<RawBroker> {
  const cluster = quietClient(patched, brokers).cluster();
  await cluster.connect();
  onTestFinished(() => cluster.disconnect());
  await cluster.addTargetTopic(topic);
  const [nodeId = ''] = Object.keys(cluster.findLeaderForPartitions(topic, [0]));
  return (await cluster.findBroker({ nodeId })) as RawBroker;
}

/** What passes by itself: markers that are being written, a coordinator that has just started. */
const PASSING = ['CONCURRENT_TRANSACTIONS', 'GROUP_LOAD_IN_PROGRESS', 'NOT_COORDINATOR_FOR_GROUP'];

/** Asks again for as long as the answer is to do so. */
export async function whileConcurrent<T>(ask: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!PASSING.includes((error as { type?: string }).type ?? '')) throw error;
    }
  }
}
