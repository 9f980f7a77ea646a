import { randomBytes } from 'node:crypto';
import {
  createPartitionReader,
  ensureTopics,
  internalTopics,
  kafkaConnection,
  type Logger,
  type PartitionReader,
} from '@clickstream/kafka-client';
import { createTopicSpecs } from '@clickstream/schema';
import type { Config } from '../config.ts';
import { ClickViews } from '../core/views/click-views.ts';
import type { FeedTopics } from './feed-views.ts';

/** Of each partition at a time; more would hold up answers for as long as it takes to go through it. */
const FETCH_BYTES = 512 * 1024;

/** The aggregator commits hundreds of times a second, partition by partition, and a page is told four times. */
const FETCH_INTERVAL_MS = 20;

/** Views that are empty yet, and what they are to be fed from. */
export interface OpenViews {
  readonly views: ClickViews;
  readonly topics: FeedTopics;
  readonly reader: PartitionReader;
}

/** Connects and sees to it that the topics exist. The caller closes the reader. @throws what connecting throws */
export async function openViews(
  config: Config,
  log: Logger,
  signal: AbortSignal,
  now: () => number,
): Promise<OpenViews> {
  const connection = kafkaConnection(config, 'clickstream-results-consumer');
  const specs = createTopicSpecs(config);
  await ensureTopics({
    connection,
    log,
    topics: [
      specs.CLICKSTREAM_TOPIC,
      specs.USER_CLICK_AGGREGATION_TOPIC,
      specs.PAGE_CLICK_AGGREGATION_TOPIC,
      specs.USER_SESSION_AGGREGATION_TOPIC,
      specs.DEAD_LETTER_TOPIC,
    ],
    partitions: config.TOPIC_PARTITIONS,
    signal,
  });
  const reader = await createPartitionReader({
    connection,
    log,
    maxBytesPerPartition: FETCH_BYTES,
    fetchIntervalMs: FETCH_INTERVAL_MS,
  });
  return {
    // Only now: clicks are added from about here on, and to connect may have taken long.
    views: new ClickViews(randomBytes(4).readInt32LE(), now()),
    topics: {
      clicks: config.CLICKSTREAM_TOPIC,
      totals: config.USER_CLICK_AGGREGATION_TOPIC,
      pages: config.PAGE_CLICK_AGGREGATION_TOPIC,
      sessions: config.USER_SESSION_AGGREGATION_TOPIC,
      deadLetters: config.DEAD_LETTER_TOPIC,
      checkpoints: internalTopics(config.APPLICATION_ID).checkpoint.name,
    },
    reader,
  };
}
