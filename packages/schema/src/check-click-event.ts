import type { ClickEvent } from './click-event-schema.ts';
import { CLICK_EVENT_LIMITS } from './click-event-limits.ts';

const limits = CLICK_EVENT_LIMITS;
// eslint-disable-next-line no-control-regex -- control characters are what it looks for
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;

interface Bounds {
  readonly min: number;
  readonly max: number;
}

/** The fields of a click event before anybody looked at them. */
export type UncheckedClickEvent = { readonly [Field in keyof ClickEvent]?: unknown };

/**
 * What is wrong with a click event, in one line naming field and bound; undefined if nothing is.
 *
 * Hand-written because it stands in the way of every click: zod takes several times as long. A property test holds it
 * to the zod schema.
 */
export function checkClickEvent(event: UncheckedClickEvent): string | undefined {
  return (
    (event.eventId === undefined ? undefined : checkText('eventId', event.eventId, limits.eventIdLength)) ??
    checkText('userId', event.userId, limits.userIdLength) ??
    checkText('url', event.url, limits.urlLength) ??
    checkTimestamp(event.timestamp) ??
    (event.sessionId === undefined
      ? undefined
      : checkText('sessionId', event.sessionId, limits.sessionIdLength)) ??
    (event.referrer === undefined
      ? undefined
      : checkText('referrer', event.referrer, limits.referrerLength)) ??
    (event.userAgent === undefined
      ? undefined
      : checkText('userAgent', event.userAgent, limits.userAgentLength)) ??
    (event.attributes === undefined ? undefined : checkAttributes(event.attributes))
  );
}

function checkText(field: string, value: unknown, bounds: Bounds): string | undefined {
  if (typeof value !== 'string') {
    return value === undefined ? `${field} is missing` : `${field} is not a string`;
  }
  if (value.length < bounds.min) return `${field} is empty`;
  if (value.length > bounds.max) {
    return `${field} has ${value.length} characters, at most ${bounds.max} are allowed`;
  }
  if (CONTROL.test(value)) return `${field} has a control character`;
  return value.isWellFormed() ? undefined : `${field} has a lone surrogate`;
}

function checkTimestamp(value: unknown): string | undefined {
  if (value === undefined) return 'timestamp is missing';
  if (!Number.isInteger(value)) return 'timestamp is not an integer (milliseconds since the epoch)';
  const timestampMs = value as number;
  return timestampMs >= limits.timestampMs.min && timestampMs <= limits.timestampMs.max
    ? undefined
    : `timestamp ${timestampMs} is outside ${limits.timestampMs.min}..${limits.timestampMs.max}`;
}

function checkAttributes(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return 'attributes is not an object';
  }
  const attributes = value as Record<string, unknown>;
  const names = Object.keys(attributes);
  if (names.length > limits.attributeCount.max) {
    return `attributes has ${names.length} entries, at most ${limits.attributeCount.max} are allowed`;
  }
  for (const name of names) {
    const problem =
      checkText('a name in attributes', name, limits.attributeNameLength) ??
      checkAttributeValue(attributes[name]);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function checkAttributeValue(value: unknown): string | undefined {
  if (typeof value === 'string') {
    if (value.length > limits.attributeTextLength.max) {
      return `a value in attributes has ${value.length} characters, at most ${limits.attributeTextLength.max} are allowed`;
    }
    return value.isWellFormed() ? undefined : 'a value in attributes has a lone surrogate';
  }
  return value === null || typeof value === 'boolean' || Number.isFinite(value)
    ? undefined
    : 'a value in attributes is not a string, a number, a boolean or null';
}
