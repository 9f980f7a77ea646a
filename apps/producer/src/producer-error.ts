/** Every way in which the producer itself gives up; Kafka's ways are `KafkaClientError`. */
export const PRODUCER_ERROR_CODES = [
  'CLICKSTREAM_PRODUCER_SOURCE_UNREADABLE',
  'CLICKSTREAM_PRODUCER_SOURCE_EMPTY',
  'CLICKSTREAM_PRODUCER_SOURCE_NO_LOG',
  'CLICKSTREAM_PRODUCER_MANIFEST_UNWRITABLE',
] as const;

export type ProducerErrorCode = (typeof PRODUCER_ERROR_CODES)[number];

/** The one error class of this app: its text is one line for a person. Branch on `code`, never on the text. */
export class ProducerError extends Error {
  override readonly name = 'ProducerError';
  readonly code: ProducerErrorCode;

  constructor(code: ProducerErrorCode, text: string, cause?: unknown) {
    super(text, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}
