/** Names of the public topics, keyed by the environment variable that sets them. */
export interface TopicNames {
  readonly CLICKSTREAM_TOPIC: string;
  readonly USER_CLICK_AGGREGATION_TOPIC: string;
  readonly PAGE_CLICK_AGGREGATION_TOPIC: string;
  readonly USER_SESSION_AGGREGATION_TOPIC: string;
  readonly DEAD_LETTER_TOPIC: string;
}

/**
 * How long windows and sessions are kept, and so how long an aggregation may stand still before the results that it has open are gone:
 * 30 days, where a session ends 8 days after its last click at most, a window 2 days after its begin.
 */
const WINDOWED_RETENTION_MS = 30 * 86_400_000;

/** The topic names used where the environment says nothing. */
export const DEFAULT_TOPIC_NAMES = {
  CLICKSTREAM_TOPIC: 'user_clickstream',
  USER_CLICK_AGGREGATION_TOPIC: 'user_click_aggregation',
  PAGE_CLICK_AGGREGATION_TOPIC: 'page_click_aggregation',
  USER_SESSION_AGGREGATION_TOPIC: 'user_session_aggregation',
  DEAD_LETTER_TOPIC: 'user_clickstream_dead_letter',
} as const satisfies TopicNames;

/** A topic to create: `config` holds Kafka's topic settings, `cleanup.policy` among them. Partitions are the caller's. */
export interface TopicSpec {
  readonly name: string;
  readonly cleanup: 'delete' | 'compact' | 'compact,delete';
  readonly config: Readonly<Record<string, string>>;
}

/** The specs of all public topics, keyed like their names. */
export type TopicSpecs = { readonly [Variable in keyof TopicNames]: TopicSpec };

/** The public topics under the given names, with the settings that they are created with. */
export function createTopicSpecs(names: TopicNames = DEFAULT_TOPIC_NAMES): TopicSpecs {
  return {
    CLICKSTREAM_TOPIC: clickTopic(names.CLICKSTREAM_TOPIC),
    USER_CLICK_AGGREGATION_TOPIC: compactedTopic(names.USER_CLICK_AGGREGATION_TOPIC, 'compact'),
    PAGE_CLICK_AGGREGATION_TOPIC: compactedTopic(names.PAGE_CLICK_AGGREGATION_TOPIC, 'compact,delete'),
    USER_SESSION_AGGREGATION_TOPIC: compactedTopic(names.USER_SESSION_AGGREGATION_TOPIC, 'compact,delete'),
    DEAD_LETTER_TOPIC: clickTopic(names.DEAD_LETTER_TOPIC),
  };
}

/**
 * A topic that holds clicks: Kafka's timestamp is ingest time, so that retention does not eat a replayed log of 2015.
 */
function clickTopic(name: string): TopicSpec {
  return {
    name,
    cleanup: 'delete',
    config: { 'cleanup.policy': 'delete', 'message.timestamp.type': 'LogAppendTime' },
  };
}

/**
 * The active segment is never compacted: small ones keep a restore from reading months. The broker's clock stamps the
 * records, because it refuses those whose own timestamp is an hour ahead: a writer with a fast clock would be stuck.
 */
function compactedTopic(name: string, cleanup: 'compact' | 'compact,delete'): TopicSpec {
  return {
    name,
    cleanup,
    config: {
      'cleanup.policy': cleanup,
      'segment.bytes': '33554432',
      'segment.ms': '3600000',
      'message.timestamp.type': 'LogAppendTime',
      ...(cleanup === 'compact,delete' && { 'retention.ms': String(WINDOWED_RETENTION_MS) }),
    },
  };
}
