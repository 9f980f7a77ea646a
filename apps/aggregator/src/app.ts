import {
  createLogger,
  ensureTopics,
  homePartition,
  internalTopics,
  kafkaConnection,
  createTaskMetrics,
  startHealthServer,
  startTaskProcessor,
  type App,
  type AppContext,
  type CrashPoint,
  type RecordCursor,
  type TaskProcessor,
} from '@clickstream/kafka-client';
import { createTopicSpecs, DEFAULT_TOPIC_NAMES } from '@clickstream/schema';
import { parseArguments } from './arguments.ts';
import { readConfig } from './config.ts';
import { logBooks } from './log-books.ts';
import { ClickTopology } from './core/click-topology.ts';
import { createTextHash } from './io/text-hash.ts';

/** Who has joined within this time gives up the seat when told to stop; any other leaves it to the session time-out. */
const JOIN_GRACE_MS = 1_000;

/** The aggregator: counts the clicks of each user until it is told to stop. Resolves to the exit code. */
export const app: App = (context) => runAggregator(context);

/**
 * {@link app} with a hook for tests that end the process at a named moment.
 *
 * @param reach called at each {@link CrashPoint} of each task.
 */
export async function runAggregator(
  { args, environment, stdout, stderr, signal }: AppContext,
  reach?: (point: CrashPoint) => void,
): Promise<number> {
  const parsed = parseArguments(args, stdout, stderr);
  if ('exitCode' in parsed) return parsed.exitCode;
  const config = readConfig(environment);
  const connection = kafkaConnection(config, 'clickstream-aggregator');
  const log = createLogger('aggregator', config, stderr.isTTY === true);
  const topics = createTopicSpecs({ ...DEFAULT_TOPIC_NAMES, ...config });
  const { repartition, checkpoint } = internalTopics(config.APPLICATION_ID);
  const partitions = await ensureTopics({
    connection,
    log,
    topics: [
      topics.CLICKSTREAM_TOPIC,
      topics.USER_CLICK_AGGREGATION_TOPIC,
      topics.PAGE_CLICK_AGGREGATION_TOPIC,
      topics.USER_SESSION_AGGREGATION_TOPIC,
      topics.DEAD_LETTER_TOPIC,
      repartition,
      checkpoint,
    ],
    partitions: config.TOPIC_PARTITIONS,
    signal,
  }).catch((error: unknown) => {
    // Told to stop while waiting for a broker: there was nothing to fail at.
    if (signal.aborted) return undefined;
    throw error;
  });
  if (partitions === undefined || signal.aborted) return 0;

  const names = {
    clicks: config.CLICKSTREAM_TOPIC,
    repartition: repartition.name,
    totals: config.USER_CLICK_AGGREGATION_TOPIC,
    pages: config.PAGE_CLICK_AGGREGATION_TOPIC,
    sessions: config.USER_SESSION_AGGREGATION_TOPIC,
    deadLetters: config.DEAD_LETTER_TOPIC,
  };
  const hashText = await createTextHash();
  const metrics = createTaskMetrics();
  let notReady = (): string | undefined => 'joining the group';
  const health = await startHealthServer(config, {
    notReady: () => notReady(),
    metrics: metrics.registry,
  });
  let announced = false;
  const starting = startTaskProcessor({
    connection,
    log,
    applicationId: config.APPLICATION_ID,
    inputTopic: names.clicks,
    repartitionTopic: repartition.name,
    checkpointTopic: checkpoint.name,
    resultTopics: [names.totals, names.pages, names.sessions],
    otherTopics: [names.deadLetters],
    partitions,
    idleTimeoutMs: config.IDLE_TIMEOUT_MS,
    commitIntervalMs: config.COMMIT_INTERVAL_MS,
    commitMaxRecords: config.COMMIT_MAX_RECORDS,
    instanceId: config.INSTANCE_ID,
    ...(parsed.leave && { leaveOnStop: true }),
    acceptLoss: parsed.acceptLoss,
    onTransaction: metrics.onTransaction,
    ...(reach && { reach }),
    createLogic: (partition) =>
      new ClickTopology<RecordCursor>({
        partition,
        topics: names,
        homeOf: (userId) => homePartition(userId, partitions),
        format: config.RESULT_FORMAT,
        emit: config.RESULT_EMIT,
        hashText,
        windows: {
          sizeMs: config.WINDOW_SIZE_MS,
          advanceMs: config.WINDOW_ADVANCE_MS ?? config.WINDOW_SIZE_MS,
          maxPages: config.MAX_PAGES_PER_WINDOW,
          pageKey: config.PAGE_KEY,
        },
        sessionGapMs: config.SESSION_GAP_MS,
        graceMs: config.GRACE_MS,
        maxFutureMs: config.MAX_FUTURE_MS,
        deduplication: { horizonMs: config.DEDUPLICATION_HORIZON_MS, maxIds: config.DEDUPLICATION_MAX_IDS },
      }),
    onRunning: (running) => {
      if (announced) log.info(`counting partitions ${running.join(', ') || 'none'} of ${partitions}`);
      else
        stderr.write(
          `ready: counting ${names.clicks} into ${names.totals} at ${connection.brokers.join(',')} (${running.length} of ${partitions} partitions)\n`,
        );
      announced = true;
    },
  });
  try {
    const processor = await startedUnlessStopped(starting, signal);
    if (!processor) return 0;
    metrics.observe(processor);
    notReady = () => processor.notReady();
    onAbort(signal, () => {
      void processor.stop();
    });
    const endBooks = logBooks(processor, log);
    await processor.finished.finally(endBooks);
    return 0;
  } finally {
    await health.close();
  }
}

/**
 * The processor, or nothing if it is told to stop meanwhile: a group makes newcomers wait until the session of a member
 * that is away is over, which is longer than stopping may take.
 */
async function startedUnlessStopped(
  starting: Promise<TaskProcessor>,
  signal: AbortSignal,
): Promise<TaskProcessor | undefined> {
  const { promise: stopped, resolve } = Promise.withResolvers<undefined>();
  let grace: NodeJS.Timeout | undefined;
  onAbort(signal, () => {
    grace = setTimeout(resolve, JOIN_GRACE_MS, undefined);
  });
  try {
    const processor = await Promise.race([starting, stopped]);
    if (!processor) void starting.then((late) => late.stop()).catch(() => undefined);
    return processor;
  } catch (error) {
    // Told to stop while nothing had begun: there was nothing to fail at.
    if (signal.aborted) return undefined;
    throw error;
  } finally {
    clearTimeout(grace);
  }
}

/** Calls back once the signal aborts, at once if it has already. */
function onAbort(signal: AbortSignal, callback: () => void): void {
  if (signal.aborted) callback();
  else signal.addEventListener('abort', callback, { once: true });
}
