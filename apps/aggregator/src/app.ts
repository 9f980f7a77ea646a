import {
  createLogger,
  createRecordProducer,
  ensureTopics,
  kafkaConnection,
  startBatchConsumer,
  type AppContext,
} from '@clickstream/kafka-client';
import { createTopicSpecs, DEFAULT_TOPIC_NAMES } from '@clickstream/schema';
import { parseArguments } from './arguments.ts';
import { readConfig } from './config.ts';
import { createCountTask } from './io/count-task.ts';

/** The aggregator: counts the clicks of each user until it is told to stop. Resolves to the exit code. */
export async function app({ args, environment, stdout, stderr, signal }: AppContext): Promise<number> {
  const exitCode = parseArguments(args, stdout, stderr);
  if (exitCode !== undefined) return exitCode;
  const config = readConfig(environment);
  const connection = kafkaConnection(config, 'clickstream-aggregator');
  const log = createLogger('aggregator', config, stderr.isTTY === true);
  const topics = createTopicSpecs({ ...DEFAULT_TOPIC_NAMES, ...config });
  const partitions = await ensureTopics({
    connection,
    log,
    topics: [topics.CLICKSTREAM_TOPIC, topics.USER_CLICK_AGGREGATION_TOPIC, topics.DEAD_LETTER_TOPIC],
    partitions: config.TOPIC_PARTITIONS,
    signal,
  });
  if (signal.aborted) return 0;

  const producer = await createRecordProducer(
    [config.USER_CLICK_AGGREGATION_TOPIC, config.DEAD_LETTER_TOPIC],
    {
      connection,
      log,
      // A batch is written when it is counted: waiting for more would only add to its latency.
      lingerMs: 0,
    },
  );
  try {
    let announced = false;
    const consumer = await startBatchConsumer({
      connection,
      log,
      groupId: config.APPLICATION_ID,
      topic: config.CLICKSTREAM_TOPIC,
      createTask: (partition, reader, taskSignal) =>
        createCountTask(config, partitions, partition, reader, producer, taskSignal),
      onAssigned: (assigned) => {
        if (announced) log.info({ partitions: assigned }, 'partitions assigned');
        else
          stderr.write(
            `ready: counting ${config.CLICKSTREAM_TOPIC} into ${config.USER_CLICK_AGGREGATION_TOPIC} at ${connection.brokers.join(',')} (${assigned.length} of ${partitions} partitions)\n`,
          );
        announced = true;
      },
    });
    onAbort(signal, () => {
      void consumer.stop();
    });
    await consumer.finished;
    return 0;
  } finally {
    await producer.close();
  }
}

/** Calls back once the signal aborts, at once if it has already. */
function onAbort(signal: AbortSignal, callback: () => void): void {
  if (signal.aborted) callback();
  else signal.addEventListener('abort', callback, { once: true });
}
