import {
  createPartitionReader,
  ensureTopics,
  kafkaConnection,
  type AppContext,
  type Logger,
  type TopicSpec,
} from '@clickstream/kafka-client';
import type { Config } from '../config.ts';
import { followTopic, type Beginning, type RenderRecord } from './follow-topic.ts';
import { createLinePrinter } from './line-printer.ts';

export interface ShowTopicOptions {
  readonly context: AppContext;
  readonly config: Config;
  readonly log: Logger;
  /** Topics that have to exist, as `ensureTopics` takes them. */
  readonly topics: readonly [TopicSpec, ...TopicSpec[]];
  /** The one to show. */
  readonly topic: string;
  readonly beginning: Beginning;
  /** Ends with what is there at the beginning. */
  readonly endsWithPast?: boolean;
  readonly render: RenderRecord;
}

/**
 * Connects, says `ready` on standard error and prints a topic on standard output, committed records only and without
 * a consumer group: any number of copies may run side by side. Ends when the process is told to stop, or with what is there.
 */
export async function showTopic(options: ShowTopicOptions): Promise<void> {
  const { context, config, log, topics, topic, beginning, endsWithPast = false, render } = options;
  const { stdout, stderr, signal } = context;
  const connection = kafkaConnection(config, 'clickstream-results-consumer');
  await ensureTopics({ connection, log, topics, partitions: config.TOPIC_PARTITIONS, signal });
  const reader = await createPartitionReader({ connection, log });
  try {
    await followTopic({
      reader,
      topic,
      beginning,
      endsWithPast,
      render,
      print: createLinePrinter(stdout, signal),
      signal,
      onReady: (partitions) => {
        stderr.write(
          `ready: ${endsWithPast ? 'listing' : 'following'} ${topic} at ${connection.brokers.join(',')} (${partitions} ${partitions === 1 ? 'partition' : 'partitions'})\n`,
        );
      },
    });
  } finally {
    await reader.close();
  }
}
