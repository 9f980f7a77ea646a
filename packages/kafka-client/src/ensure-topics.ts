import { setTimeout as delay } from 'node:timers/promises';
import kafkajs, { type Admin } from '#kafkajs';
import { connectAdmin, explainFailure } from './connect-admin.ts';
import type { KafkaConnection } from './connection.ts';
import { describeError, KafkaClientError } from './error.ts';
import type { Logger } from './logger.ts';
import { topicRefusal } from './topic-refusal.ts';

/** A topic as it has to be, with the settings it gets if it has to be created. */
export interface TopicSpec {
  readonly name: string;
  /** Topic settings such as `cleanup.policy`; used at creation only. */
  readonly config: Readonly<Record<string, string>>;
}

export interface EnsureTopicsOptions {
  readonly connection: KafkaConnection;
  readonly log: Logger;
  /** The first one decides the number of partitions of all. */
  readonly topics: readonly [TopicSpec, ...TopicSpec[]];
  /** Partitions of the first topic if it has to be created. */
  readonly partitions: number;
  readonly signal?: AbortSignal;
}

/** How long a broker may take to hear of a topic that was created through another one. */
const PATIENCE_MS = 10_000;
const LOOK_MS = 100;

/**
 * Sees to it that the topics exist: creates what is missing, alters nothing that exists. Also the place where an
 * app finds out whether it can reach Kafka at all.
 *
 * @returns the number of partitions that all the topics have.
 * @throws KafkaClientError `CLICKSTREAM_KAFKA_PARTITION_COUNT` when an existing topic has another number of
 * partitions than the first, `…_TOPIC_MISSING` when one cannot be created, `…_AUTHORIZATION` when we may not create
 * it, and what connecting throws.
 */
export async function ensureTopics(options: EnsureTopicsOptions): Promise<number> {
  const { connection, log, topics, partitions, signal } = options;
  const admin = await connectAdmin(connection, log, signal);
  try {
    const [first, ...others] = topics;
    let existing = await partitionCounts(admin);
    if (!existing.has(first.name)) {
      await create(admin, [first], partitions, log);
      existing = await partitionCountsWith(admin, [first], signal);
    }
    const count = existing.get(first.name) ?? partitions;
    const missing = others.filter(({ name }) => !existing.has(name));
    if (missing.length > 0) {
      await create(admin, missing, count, log);
      existing = await partitionCountsWith(admin, topics, signal);
    }
    for (const { name } of others) {
      const found = existing.get(name);
      if (found !== undefined && found !== count)
        throw new KafkaClientError(
          'CLICKSTREAM_KAFKA_PARTITION_COUNT',
          `topic ${name} has ${found} partitions and ${first.name} has ${count}: both need the same number. Use another name for ${name}, or delete it if its data may go`,
          { topic: name },
        );
    }
    await warnOfProducerTimestamps(admin, topics, log);
    return count;
  } catch (error) {
    throw error instanceof KafkaClientError ? error : explainFailure(error, connection);
  } finally {
    await admin.disconnect().catch(() => undefined);
  }
}

/** Partitions of every topic, in one request without names: one with a name that a broker does not know fails. */
async function partitionCounts(admin: Admin): Promise<Map<string, number>> {
  const { topics } = await admin.fetchTopicMetadata();
  return new Map(topics.map(({ name, partitions }) => [name, partitions.length]));
}

/**
 * The same with these topics, which exist: each request may go to another broker, and not all have heard of them yet.
 *
 * @throws KafkaClientError `CLICKSTREAM_KAFKA_TOPIC_MISSING` when one has not for 10 s: its number of partitions is not known.
 */
async function partitionCountsWith(
  admin: Admin,
  topics: readonly TopicSpec[],
  signal: AbortSignal | undefined,
): Promise<Map<string, number>> {
  const startedAt = performance.now();
  for (;;) {
    const counts = await partitionCounts(admin);
    const missing = topics.find(({ name }) => !counts.has(name));
    if (!missing) return counts;
    if (signal?.aborted || performance.now() - startedAt > PATIENCE_MS)
      throw new KafkaClientError(
        'CLICKSTREAM_KAFKA_TOPIC_MISSING',
        `topic ${missing.name} was created, and the broker does not know of it yet`,
        { topic: missing.name },
      );
    await delay(LOOK_MS);
  }
}

async function create(
  admin: Admin,
  topics: readonly TopicSpec[],
  partitions: number,
  log: Logger,
): Promise<void> {
  try {
    const created = await admin.createTopics({
      waitForLeaders: true,
      topics: topics.map(({ name, config }) => ({
        topic: name,
        numPartitions: partitions,
        replicationFactor: -1, // the cluster's default
        configEntries: Object.entries(config).map(([name, value]) => ({ name, value })),
      })),
    });
    // Several apps start at once; whoever comes second finds the topic there.
    if (created)
      log.info(`created ${topics.map(({ name }) => name).join(', ')} with ${partitions} partitions`);
  } catch (error) {
    const names = topics.map(({ name }) => name).join(', ');
    const causes = eachError(error);
    throw new KafkaClientError(
      causes.some((cause) => topicRefusal(cause) === 'CLICKSTREAM_KAFKA_AUTHORIZATION')
        ? 'CLICKSTREAM_KAFKA_AUTHORIZATION'
        : 'CLICKSTREAM_KAFKA_TOPIC_MISSING',
      `cannot create ${names} (${[...new Set(causes.map(describeError))].join('; ')}). Create it with the broker's own tool: ${topics
        .map(({ name, config }) => createCommand(name, partitions, config))
        .join(' ; ')}`,
      { cause: error, topic: topics[0]?.name ?? '' },
    );
  }
}

/** kafkajs reports one error for all topics; the reasons are in a list inside it. */
function eachError(error: unknown): unknown[] {
  const each: unknown[] =
    error instanceof Error && 'errors' in error && Array.isArray(error.errors) ? error.errors : [];
  return each.length > 0 ? each : [error];
}

function createCommand(name: string, partitions: number, config: Readonly<Record<string, string>>): string {
  const settings = Object.entries(config).map(([setting, value]) => ` --config ${setting}=${value}`);
  return `kafka-topics --bootstrap-server … --create --topic ${name} --partitions ${partitions}${settings.join('')}`;
}

async function warnOfProducerTimestamps(
  admin: Admin,
  topics: readonly TopicSpec[],
  log: Logger,
): Promise<void> {
  const setting = 'message.timestamp.type';
  const wanting = topics.filter(({ config }) => config[setting] === 'LogAppendTime');
  if (wanting.length === 0) return;
  try {
    const { resources } = await admin.describeConfigs({
      includeSynonyms: false,
      resources: wanting.map(({ name }) => ({
        type: kafkajs.ConfigResourceTypes.TOPIC,
        name,
        configNames: [setting],
      })),
    });
    for (const { resourceName, configEntries } of resources) {
      const value = configEntries.find(({ configName }) => configName === setting)?.configValue;
      if (value === undefined || value === 'LogAppendTime') continue;
      log.warn(
        `topic ${resourceName} keeps the producers' timestamps, so retention and duplicate detection trust their clocks, and one that is an hour ahead cannot write; to change it: kafka-configs --bootstrap-server … --alter --entity-type topics --entity-name ${resourceName} --add-config ${setting}=LogAppendTime`,
      );
    }
  } catch (error) {
    // Reading settings may be forbidden where reading and writing records is not.
    log.debug({ err: error }, 'reading topic settings');
  }
}
