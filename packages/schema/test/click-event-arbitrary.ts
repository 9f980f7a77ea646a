import fc from 'fast-check';
import type { ClickEvent } from '@clickstream/schema';
import { CLICK_EVENT_LIMITS } from '@clickstream/schema';

const limits = CLICK_EVENT_LIMITS;

/** Names that are no plain data where objects are used carelessly. */
export const TRAPS = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'valueOf'];

const NO_CONTROL = /^[^\p{Cc}]*$/u;

/** Well-formed text without control characters, often with white space, bidi overrides, astral or trap names. */
export function lines(bounds: { min: number; max: number }): fc.Arbitrary<string> {
  return fc
    .oneof(
      { weight: 4, arbitrary: fc.string({ unit: 'grapheme-ascii', maxLength: 40 }) },
      { weight: 2, arbitrary: fc.string({ unit: 'binary', maxLength: 40 }) },
      {
        weight: 1,
        arbitrary: fc.constantFrom(
          ...TRAPS,
          'clicked',
          ' clicked on ',
          '\ufeff',
          '\u00a0',
          '\u202e',
          '\ufffd',
        ),
      },
    )
    .filter((text) => NO_CONTROL.test(text) && text.length >= bounds.min && text.length <= bounds.max);
}

/** The same without white space, as a sentence needs it. */
export const words = lines({ min: 1, max: 256 }).filter((text) => !/\s/.test(text));

export const timestamps = fc.oneof(
  fc.integer(limits.timestampMs),
  fc.integer({ min: 0, max: 2000 }),
  fc.constantFrom(limits.timestampMs.min, limits.timestampMs.max, 999, 1000, 1001),
);

const attributeValues = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  // JSON has no -0.
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => number + 0),
  fc.boolean(),
  fc.constant(null),
);

/** An object with own properties under any name, `__proto__` included, as JSON.parse makes them. */
export function records<T>(values: fc.Arbitrary<T>): fc.Arbitrary<Record<string, T>> {
  return fc
    .uniqueArray(fc.tuple(fc.oneof(lines({ min: 0, max: 256 }), fc.constantFrom(...TRAPS)), values), {
      selector: ([name]) => name,
      maxLength: 6,
    })
    .map((entries) => Object.fromEntries(entries));
}

/** Any valid click with an event id, and unknown fields. */
export const clickEvents: fc.Arbitrary<ClickEvent> = fc
  .tuple(
    records(fc.jsonValue({ maxDepth: 2 }).map((value) => JSON.parse(JSON.stringify(value)) as unknown)),
    fc.record(
      {
        eventId: lines(limits.eventIdLength),
        userId: lines(limits.userIdLength),
        url: lines(limits.urlLength),
        timestamp: timestamps,
        sessionId: lines(limits.sessionIdLength),
        referrer: lines(limits.referrerLength),
        userAgent: lines(limits.userAgentLength),
        attributes: records(attributeValues),
      },
      { requiredKeys: ['eventId', 'userId', 'url', 'timestamp'] },
    ),
  )
  .map(([unknownFields, known]) =>
    Object.fromEntries([...Object.entries(unknownFields), ...Object.entries(known)]),
  ) as fc.Arbitrary<ClickEvent>;
