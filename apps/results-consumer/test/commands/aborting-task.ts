import {
  ensureTopics,
  internalTopics,
  startTaskProcessor,
  type Logger,
  type TaskLogic,
  type TaskOutput,
} from '@clickstream/kafka-client';
import {
  createTopicSpecs,
  DEFAULT_TOPIC_NAMES,
  encodeDeadLetter,
  encodePageClicks,
  encodeRunningTotal,
  encodeUserSession,
} from '@clickstream/schema';
import type { TestTopics } from '../test-topics.ts';

/** How many transactions are aborted before one is committed. */
const ABORTED = 2;

/**
 * Counts the clicks of a test the wrong way: writes results of a user and page of the name `canary-<n>` in transactions
 * that it aborts when all is sent, then `committed` in one that it commits. Ends with the test.
 *
 * @returns resolves once all of that has happened.
 */
export async function runAbortingTask(
  topics: TestTopics,
  brokers: string,
  log: Logger,
  atEnd: (tidyUp: () => Promise<void>) => void,
): Promise<void> {
  const connection = { brokers: [brokers], clientId: 'test' };
  const internal = internalTopics(topics.applicationId);
  const specs = createTopicSpecs({
    ...DEFAULT_TOPIC_NAMES,
    CLICKSTREAM_TOPIC: topics.clicks,
    USER_CLICK_AGGREGATION_TOPIC: topics.totals,
    PAGE_CLICK_AGGREGATION_TOPIC: topics.pages,
    USER_SESSION_AGGREGATION_TOPIC: topics.sessions,
    DEAD_LETTER_TOPIC: topics.deadLetters,
  });
  await ensureTopics({
    connection,
    log,
    topics: [
      specs.CLICKSTREAM_TOPIC,
      specs.USER_CLICK_AGGREGATION_TOPIC,
      specs.PAGE_CLICK_AGGREGATION_TOPIC,
      specs.USER_SESSION_AGGREGATION_TOPIC,
      specs.DEAD_LETTER_TOPIC,
      internal.repartition,
      internal.checkpoint,
    ],
    partitions: 1,
  });
  let attempt = 0;
  /** Whether the transaction under way has results: one that only moves a position has none. */
  let hasResults = false;
  const { promise: committed, resolve } = Promise.withResolvers<undefined>();
  const processor = await startTaskProcessor({
    connection,
    log,
    applicationId: topics.applicationId,
    inputTopic: topics.clicks,
    repartitionTopic: internal.repartition.name,
    checkpointTopic: internal.checkpoint.name,
    resultTopics: [topics.totals],
    otherTopics: [topics.pages, topics.sessions, topics.deadLetters],
    partitions: 1,
    createLogic: () =>
      logicOf(topics, () => {
        hasResults = true;
        return attempt < ABORTED ? `canary-${attempt}` : 'committed';
      }),
    idleTimeoutMs: 60_000,
    commitIntervalMs: 0,
    commitMaxRecords: 1_000,
    reach: (point) => {
      if (point === 'after-checkpoint' && hasResults) {
        hasResults = false;
        attempt += 1;
        if (attempt <= ABORTED) throw new Error('aborted by the test');
      }
      if (point === 'after-commit' && attempt > ABORTED) resolve(undefined);
    },
  });
  atEnd(() => processor.stop());
  await Promise.race([committed, processor.finished]);
}

function logicOf(topics: TestTopics, nextName: () => string): TaskLogic {
  let clicks = 0;
  return {
    resume: () => undefined,
    restore: () => undefined,
    rebuild: () => undefined,
    rebuildIsPartial: () => undefined,
    caughtUp: () => undefined,
    idle: () => false,
    process: () => {
      clicks += 1;
      return 'counted';
    },
    flush: (output) => {
      if (clicks > 0) writeResults(output, topics, nextName());
      clicks = 0;
    },
    get heldBack() {
      return clicks;
    },
    heldBackBytes: 0,
    isClosing: false,
    snapshot: () => null,
    rebuildFrom: (_input, position) => position,
    resultsFrom: () => ({}),
    sums: () => ({}),
  };
}

function writeResults(output: TaskOutput, topics: TestTopics, name: string): void {
  const bytes = ({ key, value }: { key: string; value: string }) => ({
    key: Buffer.from(key),
    value: Buffer.from(value),
  });
  const total = encodeRunningTotal({ userId: name, clicks: 1, lastClickAt: 1, lastUrl: `/${name}` }, 'json');
  output.write({ topic: topics.totals, ...bytes(total) });
  const page = { page: `/${name}`, windowStart: 0, windowEnd: 60_000, partition: 0, clicks: 1, users: 1 };
  output.write({
    topic: topics.pages,
    ...bytes(encodePageClicks({ ...page, usersExact: true, final: false })),
  });
  const session = { userId: name, start: 1, end: 1, clicks: 1, entryUrl: `/${name}`, exitUrl: `/${name}` };
  output.write({ topic: topics.sessions, ...bytes(encodeUserSession({ ...session, final: false })) });
  output.write({
    topic: topics.deadLetters,
    ...encodeDeadLetter({
      reason: 'malformed',
      detail: name,
      topic: topics.clicks,
      partition: 0,
      offset: 0n,
      timestampMs: 1,
      key: null,
      value: Buffer.from(name),
      headers: [],
    }),
  });
}
