import { checkClickEvent } from './check-click-event.ts';
import type { ClickEvent } from './click-event-schema.ts';
import { formatSeconds } from './click-sentence.ts';
import { printable } from './printable.ts';
import type { RecordFormat } from './record-format.ts';
import { SchemaError } from './schema-error.ts';

const WHITE_SPACE = /\s/;

/**
 * Encodes a click, so that decoding gives it back. A sentence carries user id, url and timestamp only; JSON needs an
 * event id and keeps unknown fields.
 *
 * @throws {SchemaError} `CLICKSTREAM_SCHEMA_INVALID_EVENT` for an event outside {@link CLICK_EVENT_LIMITS} or, as
 * JSON, without an event id; `CLICKSTREAM_SCHEMA_NO_SENTENCE` for a sentence with white space in user id or url.
 */
export function encodeClickEvent(event: ClickEvent, format: RecordFormat): string {
  const problem =
    checkClickEvent(event) ??
    (format === 'json' && event.eventId === undefined ? 'eventId is missing' : undefined);
  if (problem !== undefined) {
    throw new SchemaError('CLICKSTREAM_SCHEMA_INVALID_EVENT', `encoding click event: ${problem}`);
  }
  if (format === 'json') return JSON.stringify(event);
  for (const field of ['userId', 'url'] as const) {
    if (WHITE_SPACE.test(event[field])) {
      throw new SchemaError(
        'CLICKSTREAM_SCHEMA_NO_SENTENCE',
        `encoding click event: ${field} "${printable(event[field])}" has white space, which only JSON can carry`,
      );
    }
  }
  return `User ${event.userId} clicked on ${event.url} at ${formatSeconds(event.timestamp)}`;
}

/** The click as a sentence for people: hostile text is escaped, white space is no obstacle. */
export function formatClickEvent(event: ClickEvent): string {
  return `User ${printable(event.userId)} clicked on ${printable(event.url)} at ${formatSeconds(event.timestamp)}`;
}
