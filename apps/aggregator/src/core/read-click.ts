import {
  CLICK_ORIGIN_HEADER,
  CLICK_RECORD_LIMIT_BYTES,
  decodeClickEvent,
  isClickOrigin,
  isSupportedSchemaVersion,
  recordSizeBytes,
  schemaVersionHeader,
  type ClickEvent,
  type DeadLetterReason,
  type RecordHeaders,
} from '@clickstream/schema';

/** A record, as far as counting needs it; the client's record cursor is one. */
export interface ClickRecord {
  readonly offset: bigint;
  /** Ingest time, ms since the epoch. */
  readonly timestampMs: number;
  readonly bytes: Buffer;
  readonly keyStart: number;
  readonly keyEnd: number;
  readonly valueStart: number;
  readonly valueEnd: number;
  key(): Buffer | null;
  value(): Buffer | null;
  header(name: string): Buffer | undefined;
  headers(): [name: string, value: Buffer][];
}

/** Where a record was read first, and what it was like there. */
export interface ClickOrigin {
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
  readonly timestampMs: number;
  readonly key: Buffer | null;
  readonly headers: RecordHeaders;
}

/** Set for a forwarded record: where it was read first, `'unknown'` if it does not say. */
export type ForwardedFrom = ClickOrigin | 'unknown' | undefined;

/** Why a record is no click that can be counted. */
export class Rejection {
  readonly reason: DeadLetterReason;
  readonly detail: string;

  constructor(reason: DeadLetterReason, detail: string) {
    this.reason = reason;
    this.detail = detail;
  }
}

/** Ingest time of a record, for a forwarded one where it was read first, ms since the epoch. */
export function ingestTimeOf(record: ClickRecord, forwardedFrom: ForwardedFrom): number {
  return forwardedFrom === undefined || forwardedFrom === 'unknown'
    ? record.timestampMs
    : forwardedFrom.timestampMs;
}

/**
 * The click of a record. A record without ingest time is of the future, whatever its event time. It looks at nothing but the record, so that every replay and every rebuild decides the same.
 *
 * @param maxFutureMs how far event time may be ahead of ingest time.
 */
export function readClick(
  record: ClickRecord,
  forwardedFrom: ForwardedFrom,
  maxFutureMs: number,
): ClickEvent | Rejection {
  if (forwardedFrom === 'unknown') return new Rejection('misrouted', 'was not forwarded by this application');
  // A forwarded click was within the limit where it was read first; since then it has grown by its origin.
  const sizeBytes = forwardedFrom === undefined ? sizeOf(record) : 0;
  if (sizeBytes > CLICK_RECORD_LIMIT_BYTES)
    return new Rejection('too-large', `${sizeBytes} bytes are over the limit of ${CLICK_RECORD_LIMIT_BYTES}`);
  if (!isSupportedSchemaVersion(record.header(schemaVersionHeader.name)))
    return new Rejection(
      'unsupported-version',
      `only schema version ${schemaVersionHeader.value} is known here`,
    );
  const decoded =
    record.valueStart < 0
      ? decodeClickEvent(null)
      : decodeClickEvent(record.bytes, record.valueStart, record.valueEnd);
  if (decoded.status === 'malformed')
    return new Rejection('malformed', `${decoded.reason}: ${decoded.detail}`);
  const { timestamp } = decoded.value;
  const ingestTime = ingestTimeOf(record, forwardedFrom);
  // A record without Kafka timestamp has -1. Taken as it is, one event time in the year 9999 would make every click after
  // it late for good; and what else was read until then is not known to a rebuild, nor to who recounts.
  if (ingestTime < 0)
    return new Rejection(
      'future',
      `has no ingest time, by which event time ${timestamp} could be told from one of the future`,
    );
  if (timestamp > ingestTime + maxFutureMs)
    return new Rejection(
      'future',
      `event time ${timestamp} is ${timestamp - ingestTime} ms after ingest time ${ingestTime}, at most ${maxFutureMs} are allowed`,
    );
  return decoded.value.eventId === undefined ? withOrigin(decoded.value, record) : decoded.value;
}

/** A click without event id that was sent again: where it stood first tells it from others. */
function withOrigin(event: ClickEvent, record: ClickRecord): ClickEvent {
  const origin = record.header(CLICK_ORIGIN_HEADER);
  return origin && isClickOrigin(origin) ? { ...event, eventId: origin.toString('latin1') } : event;
}

/** The size that the limit speaks of; exact only where it could be over it. */
function sizeOf(record: ClickRecord): number {
  const quick = record.valueEnd - record.valueStart + (record.keyEnd - record.keyStart);
  const headers = record.headers();
  if (headers.length === 0) return quick;
  return recordSizeBytes({ key: record.key(), value: record.value(), headers });
}
