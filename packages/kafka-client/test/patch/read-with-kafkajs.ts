import { randomUUID } from 'node:crypto';
import type { KafkaMessage } from '#kafkajs';
import { quietClient } from './quiet-client.ts';
import { patched, type KafkajsPackage } from './unpatched-kafkajs.ts';

/** Fetches in a row that may bring no progress before a reader counts as stuck; an idle one does about 10 a second. */
const STUCK_AFTER_FETCHES = 40;

/** How far a read_committed consumer got. */
export interface Reading {
  readonly messages: readonly KafkaMessage[];
  readonly end: 'reached' | 'stuck' | 'crashed';
  readonly error?: Error;
  /** Offset after the last one that the consumer moved over. */
  readonly position: number;
  readonly fetches: number;
}

/** Reads partition 0 of a topic from its beginning to its present end with a consumer of the given kafkajs. */
export async function readWithKafkajs(
  kafkajsPackage: KafkajsPackage,
  brokers: string,
  topic: string,
): Promise<Reading> {
  const endOffset = await readEndOffset(brokers, topic);
  const consumer = quietClient(kafkajsPackage, brokers).consumer({
    groupId: randomUUID(),
    maxWaitTimeInMs: 100,
    maxBytesPerPartition: 4 << 20,
    retry: { retries: 2, restartOnFailure: () => Promise.resolve(false) },
  });
  const messages: KafkaMessage[] = [];
  let position = 0;
  let fetches = 0;
  let fetchesAtProgress = 0;

  const ended = new Promise<Pick<Reading, 'end' | 'error'>>((resolve) => {
    consumer.on(consumer.events.CRASH, ({ payload }) => {
      resolve({ end: 'crashed', error: payload.error });
    });
    consumer.on(consumer.events.END_BATCH_PROCESS, ({ payload }) => {
      position = Number(payload.lastOffset) + 1;
      fetchesAtProgress = fetches;
      if (position >= endOffset) resolve({ end: 'reached' });
    });
    consumer.on(consumer.events.FETCH, () => {
      fetches++;
      if (fetches - fetchesAtProgress > STUCK_AFTER_FETCHES) resolve({ end: 'stuck' });
    });
  });
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  await consumer.run({
    autoCommit: false,
    eachBatch: ({ batch }) => {
      for (const message of batch.messages) messages.push(message);
      return Promise.resolve();
    },
  });
  const outcome = await ended;
  const result = { messages, ...outcome, position, fetches };
  await consumer.disconnect();
  return result;
}

async function readEndOffset(brokers: string, topic: string): Promise<number> {
  const admin = quietClient(patched, brokers).admin();
  await admin.connect();
  try {
    return Number((await admin.fetchTopicOffsets(topic))[0]?.high);
  } finally {
    await admin.disconnect();
  }
}
