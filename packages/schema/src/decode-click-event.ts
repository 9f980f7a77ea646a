import { checkClickEvent } from './check-click-event.ts';
import type { UncheckedClickEvent } from './check-click-event.ts';
import type { ClickEvent } from './click-event-schema.ts';
import { decodeClickSentence } from './click-sentence.ts';
import type { Decoded } from './decoded.ts';
import { malformed } from './decoded.ts';
import { decodeJson } from './decode-json.ts';

const OPENING_BRACE = 0x7b;
const LETTER_U = 0x55;

/**
 * Decodes a click from `bytes[start, end)`, by default all of `bytes`: a first byte `{` is JSON, `U` a sentence,
 * anything else, a null value included, malformed. Never throws. The event holds no reference to `bytes`.
 */
export function decodeClickEvent(
  bytes: Buffer | null,
  start = 0,
  end: number = bytes === null ? 0 : bytes.length,
): Decoded<ClickEvent> {
  if (bytes === null || start >= end) return malformed('no-value', 'the record has no value');
  if (bytes[start] === LETTER_U) return decodeClickSentence(bytes, start, end);
  if (bytes[start] === OPENING_BRACE) return decodeJsonClick(bytes, start, end);
  return malformed('unknown-form', 'the first byte is neither { (JSON) nor U (sentence)');
}

function decodeJsonClick(bytes: Buffer, start: number, end: number): Decoded<ClickEvent> {
  const json = decodeJson(bytes, start, end);
  if (json.status === 'malformed') return json;
  const event = json.value as UncheckedClickEvent;
  const problem = event.eventId === undefined ? 'eventId is missing' : checkClickEvent(event);
  return problem === undefined
    ? { status: 'decoded', value: event as ClickEvent }
    : malformed('bad-field', problem);
}
