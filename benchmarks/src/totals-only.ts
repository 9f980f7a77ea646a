import {
  createLogger,
  ensureTopics,
  homePartition,
  internalTopics,
  startTaskProcessor,
  type TaskLogic,
} from '@clickstream/kafka-client';
import { decodeClickEvent, encodeRunningTotal, type RunningTotal } from '@clickstream/schema';

/**
 * Running totals alone on the same engine, as a process of its own: what windows, sessions and de-duplication are held
 * against. Clicks of the benchmark are well formed and at home, so that nothing else can become of them.
 */
const {
  KAFKA_BROKERS = '',
  CLICKSTREAM_TOPIC = '',
  USER_CLICK_AGGREGATION_TOPIC = '',
  APPLICATION_ID = '',
} = process.env;
const connection = { brokers: KAFKA_BROKERS.split(','), clientId: 'totals-only' };
const log = createLogger('totals-only', { LOG_LEVEL: 'warn' }, false);
const { repartition, checkpoint } = internalTopics(APPLICATION_ID);
const partitions = await ensureTopics({
  connection,
  log,
  topics: [
    { name: CLICKSTREAM_TOPIC, config: {} },
    { name: USER_CLICK_AGGREGATION_TOPIC, config: {} },
    repartition,
    checkpoint,
  ],
  partitions: 1,
});

/** About what a total takes. */
const TOTAL_BYTES = 150;

function totalsOnly(partition: number): TaskLogic {
  const totals = new Map<string, { -readonly [Field in keyof RunningTotal]: RunningTotal[Field] }>();
  const changed = new Set<string>();
  let clicks = 0;
  return {
    resume: () => undefined,
    restore: () => {
      throw new Error('a benchmark begins with nothing');
    },
    rebuild: () => undefined,
    rebuildIsPartial: () => undefined,
    process: (record) => {
      const decoded = decodeClickEvent(record.bytes, record.valueStart, record.valueEnd);
      if (decoded.status === 'malformed') throw new Error(decoded.detail);
      const { userId, url, timestamp } = decoded.value;
      let total = totals.get(userId);
      if (!total) {
        if (homePartition(Buffer.from(userId), partitions) !== partition)
          throw new Error(`user ${userId} is not at home in partition ${partition}`);
        total = { userId, clicks: 0, lastClickAt: timestamp, lastUrl: url };
        totals.set(userId, total);
      }
      total.clicks++;
      clicks++;
      if (timestamp >= total.lastClickAt) Object.assign(total, { lastClickAt: timestamp, lastUrl: url });
      changed.add(userId);
      return 'counted';
    },
    caughtUp: () => undefined,
    idle: () => false,
    flush: (output) => {
      for (const userId of changed) {
        const total = totals.get(userId);
        if (!total) continue;
        const { key, value } = encodeRunningTotal(total, 'json');
        output.write({
          topic: USER_CLICK_AGGREGATION_TOPIC,
          key: Buffer.from(key),
          value: Buffer.from(value),
        });
      }
      changed.clear();
    },
    get heldBack() {
      return changed.size;
    },
    get heldBackBytes() {
      return changed.size * TOTAL_BYTES;
    },
    isClosing: false,
    snapshot: () => null,
    rebuildFrom: (_, position) => position,
    resultsFrom: () => ({}),
    sums: () => ({ clicks, users: totals.size }),
  };
}

const processor = await startTaskProcessor({
  connection,
  log,
  applicationId: APPLICATION_ID,
  inputTopic: CLICKSTREAM_TOPIC,
  repartitionTopic: repartition.name,
  checkpointTopic: checkpoint.name,
  resultTopics: [USER_CLICK_AGGREGATION_TOPIC],
  otherTopics: [],
  partitions,
  idleTimeoutMs: 60_000,
  commitIntervalMs: 20,
  commitMaxRecords: 50_000,
  createLogic: totalsOnly,
  onRunning: () => process.stderr.write('ready\n'),
});
process.once('SIGTERM', () => void processor.stop());
await processor.finished;
