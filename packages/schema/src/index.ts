export { CLICK_ORIGIN_HEADER, formatClickOrigin, isClickOrigin } from './click-origin.ts';
export type { ClickOrigin } from './click-origin.ts';
export { CLICK_EVENT_LIMITS } from './click-event-limits.ts';
export { clickEventSchema, jsonClickEventSchema } from './click-event-schema.ts';
export type { ClickEvent } from './click-event-schema.ts';
export { decodeClickEvent } from './decode-click-event.ts';
export { encodeClickEvent, formatClickEvent } from './encode-click-event.ts';
export { MALFORMED_REASONS } from './decoded.ts';
export type { Decoded, Malformed, MalformedReason } from './decoded.ts';
export { RECORD_FORMATS } from './record-format.ts';
export type { RecordFormat } from './record-format.ts';
export { SCHEMA_ERROR_CODES, SchemaError } from './schema-error.ts';
export type { SchemaErrorCode } from './schema-error.ts';
export { isSupportedSchemaVersion, schemaVersionHeader } from './schema-version-header.ts';
export {
  decodeRunningTotal,
  encodeRunningTotal,
  formatRunningTotal,
  runningTotalSchema,
} from './running-total.ts';
export type { EncodedRunningTotal, RunningTotal } from './running-total.ts';
export { closedUntilSchema, decodeClosedUntil, encodeClosedUntil, isClosedUntilKey } from './closed-until.ts';
export type { ClosedUntil } from './closed-until.ts';
export { decodePageClicks, encodePageClicks, OTHER_PAGES, pageClicksSchema } from './page-clicks.ts';
export type { PageClicks } from './page-clicks.ts';
export {
  decodeUserSession,
  decodeUserSessionKey,
  encodeUserSession,
  userSessionKey,
  userSessionSchema,
} from './user-session.ts';
export type { UserSession, UserSessionKey } from './user-session.ts';
export type { EncodedResult } from './encoded-result.ts';
export {
  CLICK_RECORD_LIMIT_BYTES,
  DEAD_LETTER_LIMIT_BYTES,
  DEAD_LETTER_REASONS,
  decodeDeadLetter,
  encodeDeadLetter,
  recordSizeBytes,
} from './dead-letter.ts';
export type { DeadLetter, DeadLetterReason, DecodedDeadLetter, EncodedDeadLetter } from './dead-letter.ts';
export type { RecordHeaders } from './record-headers.ts';
export { createTopicSpecs, DEFAULT_TOPIC_NAMES } from './topic-specs.ts';
export { topicEnvironment } from './topic-environment.ts';
export type { TopicNames, TopicSpec, TopicSpecs } from './topic-specs.ts';
export { printable } from './printable.ts';
