/** Every way in which this package can fail, for callers to branch on. */
export const KAFKA_CLIENT_ERROR_CODES = [
  'CLICKSTREAM_KAFKA_CONFIGURATION',
  'CLICKSTREAM_KAFKA_UNREACHABLE',
  'CLICKSTREAM_KAFKA_AUTHENTICATION',
  'CLICKSTREAM_KAFKA_AUTHORIZATION',
  'CLICKSTREAM_KAFKA_TOPIC_MISSING',
  'CLICKSTREAM_KAFKA_PARTITION_COUNT',
  'CLICKSTREAM_KAFKA_OFFSET_OUT_OF_RANGE',
  'CLICKSTREAM_KAFKA_UNREADABLE_RECORDS',
  'CLICKSTREAM_KAFKA_RECORD_TOO_LARGE',
  'CLICKSTREAM_KAFKA_SEND_FAILED',
  'CLICKSTREAM_KAFKA_CONSUMER_CRASHED',
  'CLICKSTREAM_KAFKA_STALLED',
  'CLICKSTREAM_KAFKA_CLOSED',
  'CLICKSTREAM_KAFKA_REFUSED',
  'CLICKSTREAM_KAFKA_REPLACED',
  'CLICKSTREAM_KAFKA_UNPATCHED_CLIENT',
] as const;

export type KafkaClientErrorCode = (typeof KAFKA_CLIENT_ERROR_CODES)[number];

/** Facts that go with an error, as far as they are known where it is raised. */
export interface KafkaClientErrorFacts {
  readonly cause?: unknown;
  readonly topic?: string;
  readonly partition?: number;
  readonly offset?: bigint;
}

/**
 * The one error class of this package. Branch on `code` and the fields, never on the text, which is
 * written for a person and says what to do.
 */
export class KafkaClientError extends Error {
  override readonly name = 'KafkaClientError';
  readonly code: KafkaClientErrorCode;
  readonly topic: string | undefined;
  readonly partition: number | undefined;
  readonly offset: bigint | undefined;

  constructor(code: KafkaClientErrorCode, text: string, facts: KafkaClientErrorFacts = {}) {
    super(text, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.code = code;
    this.topic = facts.topic;
    this.partition = facts.partition;
    this.offset = facts.offset;
  }
}

/** The text of anything that was thrown, on one line. */
export function describeError(thrown: unknown): string {
  const text = thrown instanceof Error ? thrown.message || thrown.name : String(thrown);
  return text.replaceAll(/\s*\n\s*/g, ' ');
}
