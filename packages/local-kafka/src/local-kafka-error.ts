/** What can go wrong with a local Kafka, for callers to branch on. */
export const LOCAL_KAFKA_ERROR_CODES = [
  'CLICKSTREAM_LOCAL_KAFKA_ALREADY_RUNNING',
  'CLICKSTREAM_LOCAL_KAFKA_BROKERS_UNREACHABLE',
  'CLICKSTREAM_LOCAL_KAFKA_COMMAND_NOT_FOUND',
  'CLICKSTREAM_LOCAL_KAFKA_DATA_DIR_CORRUPT',
  'CLICKSTREAM_LOCAL_KAFKA_DATA_DIR_IN_USE',
  'CLICKSTREAM_LOCAL_KAFKA_DATA_DIR_UNWRITABLE',
  'CLICKSTREAM_LOCAL_KAFKA_JAVA_MISSING',
  'CLICKSTREAM_LOCAL_KAFKA_JAVA_TOO_OLD',
  'CLICKSTREAM_LOCAL_KAFKA_MAVEN_FAILED',
  'CLICKSTREAM_LOCAL_KAFKA_MAVEN_MISSING',
  'CLICKSTREAM_LOCAL_KAFKA_NO_DISK_SPACE',
  'CLICKSTREAM_LOCAL_KAFKA_NO_WAY_TO_RUN',
  'CLICKSTREAM_LOCAL_KAFKA_PORT_TAKEN',
  'CLICKSTREAM_LOCAL_KAFKA_START_FAILED',
  'CLICKSTREAM_LOCAL_KAFKA_UNKNOWN_TOOL',
  'CLICKSTREAM_LOCAL_KAFKA_USAGE',
] as const;

export type LocalKafkaErrorCode = (typeof LOCAL_KAFKA_ERROR_CODES)[number];

/** The one error of this package: `message` is one line that says what to do, `code` is what to branch on. */
export class LocalKafkaError extends Error {
  override readonly name = 'LocalKafkaError';
  readonly code: LocalKafkaErrorCode;
  /** The broker's log, where there is one to look into. */
  readonly logFile: string | undefined;

  constructor(
    code: LocalKafkaErrorCode,
    message: string,
    details: { cause?: unknown; logFile?: string } = {},
  ) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.logFile = details.logFile;
  }
}
