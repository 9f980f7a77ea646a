import { deepStrictEqual } from 'node:assert/strict';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ClickEvent, Decoded } from '@clickstream/schema';
import {
  decodeClickEvent,
  encodeClickEvent,
  jsonClickEventSchema,
  MALFORMED_REASONS,
} from '@clickstream/schema';
import { clickEvents, lines, records, timestamps, TRAPS, words } from './click-event-arbitrary.ts';

const CLICK = { eventId: 'a-1', userId: '42', url: '/page3', timestamp: 1711111111123 };

function decode(text: string): Decoded<ClickEvent> {
  return decodeClickEvent(Buffer.from(text));
}

function decodeJson(fields: object): Decoded<ClickEvent> {
  return decode(JSON.stringify({ ...CLICK, ...fields }));
}

describe('the first byte', () => {
  it.each([
    ['null', null, 'no-value'],
    ['empty', Buffer.alloc(0), 'no-value'],
    ['an array', Buffer.from('[]'), 'unknown-form'],
    ['white space before JSON', Buffer.from(` ${JSON.stringify(CLICK)}`), 'unknown-form'],
    ['a byte order mark', Buffer.from(`\ufeff${JSON.stringify(CLICK)}`), 'unknown-form'],
    ['a small u', Buffer.from('user 42 clicked on /page3 at 1'), 'unknown-form'],
    ['a binary value', Buffer.from([0, 1, 2]), 'unknown-form'],
  ])('makes %s malformed', (_, bytes, reason) => {
    expect(decodeClickEvent(bytes)).toMatchObject({ status: 'malformed', reason });
  });

  it('is that of the given range', () => {
    const bytes = Buffer.from(`xx${JSON.stringify(CLICK)}User 42 clicked on /page3 at 1711111111.123yy`);
    const middle = bytes.indexOf('User');
    expect(decodeClickEvent(bytes, 2, middle)).toEqual({ status: 'decoded', value: CLICK });
    expect(decodeClickEvent(bytes, middle, bytes.length - 2)).toEqual({
      status: 'decoded',
      value: { userId: '42', url: '/page3', timestamp: 1711111111123 },
    });
    expect(decodeClickEvent(bytes, middle, middle)).toMatchObject({ reason: 'no-value' });
  });
});

describe('a JSON click', () => {
  it('decodes with its optional and its unknown fields', () => {
    const fields = {
      sessionId: 's',
      referrer: '',
      userAgent: 'curl/8',
      attributes: { text: 'a\nb', number: 1.5, yes: true, nothing: null },
      later: { deep: [1] },
    };
    expect(decodeJson(fields)).toEqual({ status: 'decoded', value: { ...CLICK, ...fields } });
  });

  it.each([
    ['an event id', { eventId: undefined }, 'eventId is missing'],
    ['a user id', { userId: undefined }, 'userId is missing'],
    ['a url', { url: undefined }, 'url is missing'],
    ['a timestamp', { timestamp: undefined }, 'timestamp is missing'],
    ['a user id that is text', { userId: 42 }, 'userId is not a string'],
    ['an optional field that is text', { sessionId: null }, 'sessionId is not a string'],
    ['a user id that is not empty', { userId: '' }, 'userId is empty'],
    ['a short user id', { userId: 'x'.repeat(257) }, 'userId has 257 characters, at most 256 are allowed'],
    ['a short url', { url: 'x'.repeat(8193) }, 'url has 8193 characters, at most 8192 are allowed'],
    ['a url without control characters', { url: '/\u001b[31m' }, 'url has a control character'],
    ['a user id without C1 controls', { userId: 'a\u0085' }, 'userId has a control character'],
    ['well-formed text', { userId: 'a\ud800' }, 'userId has a lone surrogate'],
    ['whole milliseconds', { timestamp: 1.5 }, 'timestamp is not an integer (milliseconds since the epoch)'],
    [
      'a number as timestamp',
      { timestamp: '1' },
      'timestamp is not an integer (milliseconds since the epoch)',
    ],
    ['a timestamp since the epoch', { timestamp: -1 }, 'timestamp -1 is outside 0..253402300799999'],
    [
      'a timestamp of four-digit years',
      { timestamp: 253_402_300_800_000 },
      'timestamp 253402300800000 is outside 0..253402300799999',
    ],
    ['attributes that are an object', { attributes: [] }, 'attributes is not an object'],
    [
      'few attributes',
      { attributes: Object.fromEntries(Array.from({ length: 65 }, (_, index) => [String(index), 1])) },
      'attributes has 65 entries, at most 64 are allowed',
    ],
    [
      'flat attributes',
      { attributes: { a: {} } },
      'a value in attributes is not a string, a number, a boolean or null',
    ],
    [
      'short attributes',
      { attributes: { a: 'x'.repeat(2049) } },
      'a value in attributes has 2049 characters, at most 2048 are allowed',
    ],
    [
      'short attribute names',
      { attributes: { ['x'.repeat(257)]: 1 } },
      'a name in attributes has 257 characters, at most 256 are allowed',
    ],
  ])('needs %s', (_, fields, detail) => {
    expect(decodeJson(fields)).toEqual({ status: 'malformed', reason: 'bad-field', detail });
  });

  it.each([
    [
      'bytes that are not UTF-8',
      Buffer.concat([Buffer.from('{"userId":"'), Buffer.from([0xff]), Buffer.from('"}')]),
      'not-utf8',
    ],
    [
      'a surrogate in UTF-8',
      Buffer.concat([Buffer.from('{"userId":"'), Buffer.from([0xed, 0xa0, 0x80]), Buffer.from('"}')]),
      'not-utf8',
    ],
    ['cut JSON', Buffer.from('{"userId":"42"'), 'not-json'],
    ['two objects', Buffer.from('{}{}'), 'not-json'],
    ['NUL after the end', Buffer.from('{}\0'), 'not-json'],
  ])('is not made of %s', (_, bytes, reason) => {
    expect(decodeClickEvent(bytes)).toMatchObject({ status: 'malformed', reason });
  });

  it('keeps a U+FFFD that was sent', () => {
    expect(decodeJson({ userId: '\ufffd' })).toMatchObject({
      status: 'decoded',
      value: { userId: '\ufffd' },
    });
  });

  it('keeps a byte order mark in a user id', () => {
    expect(decodeJson({ userId: '\ufeffa' })).toMatchObject({ value: { userId: '\ufeffa' } });
  });

  it('quotes broken JSON with its control characters escaped', () => {
    const decoded = decode('{"a":\u001b]0;title\u0007}');
    expect(decoded).toMatchObject({ status: 'malformed', reason: 'not-json' });
    // eslint-disable-next-line no-control-regex -- they must not be there
    expect(decoded.status === 'malformed' && decoded.detail).not.toMatch(/[\u0000-\u001f]/);
  });

  it('is refused when nested so deeply that it could not be written again', () => {
    const nested = (levels: number) => `${'['.repeat(levels)}${']'.repeat(levels)}`;
    const event = (levels: number) => JSON.stringify(CLICK).replace('{', `{"deep":${nested(levels)},`);
    expect(decode(event(511))).toMatchObject({ status: 'decoded' });
    expect(decode(event(512))).toEqual({
      status: 'malformed',
      reason: 'bad-field',
      detail: 'the JSON has more than 512 levels',
    });
    expect(decode(event(400_000))).toMatchObject({ status: 'malformed' });
  });

  it.each(TRAPS)('carries %s as user id, unknown field and attribute, and pollutes nothing', (trap) => {
    const text = `{"eventId":"1","userId":"${trap}","url":"/","timestamp":1,"${trap}":{"polluted":1},"attributes":{"${trap}":"kept"}}`;
    const decoded = decode(text);
    if (decoded.status === 'malformed') throw new Error(decoded.detail);
    expect(decoded.value.userId).toBe(trap);
    expect(Object.entries(decoded.value.attributes ?? {})).toEqual([[trap, 'kept']]);
    expect(Object.getOwnPropertyDescriptor(decoded.value, trap)?.value).toEqual({ polluted: 1 });
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
    expect(encodeClickEvent(decoded.value, 'json')).toBe(text);
  });

  it('looks at the value of an attribute named __proto__ too', () => {
    const text = JSON.stringify(CLICK).replace('}', ',"attributes":{"__proto__":{}}}');
    expect(decode(text)).toMatchObject({ status: 'malformed', reason: 'bad-field' });
    expect(jsonClickEventSchema.safeParse(JSON.parse(text)).success).toBe(false);
  });
});

describe('laws', () => {
  it('decodes what was encoded as JSON, unknown fields and trap names included', () => {
    fc.assert(
      fc.property(clickEvents, (event) => {
        // Not expect: it takes an own property named `constructor` for the type of the object.
        deepStrictEqual(decodeClickEvent(Buffer.from(encodeClickEvent(event, 'json'))), {
          status: 'decoded',
          value: event,
        });
      }),
      { numRuns: 500 },
    );
  });

  it('decodes what was encoded as a sentence', () => {
    fc.assert(
      fc.property(words, words, timestamps, (userId, url, timestamp) => {
        const event = { userId, url, timestamp };
        expect(decodeClickEvent(Buffer.from(encodeClickEvent(event, 'sentence')))).toStrictEqual({
          status: 'decoded',
          value: event,
        });
      }),
      { numRuns: 500 },
    );
  });

  it('never throws, whatever the bytes', () => {
    const bytes = fc
      .tuple(
        fc.constantFrom(
          '',
          '{',
          'U',
          'User ',
          'User 1 clicked on /x at ',
          '{"userId":',
          JSON.stringify(CLICK),
        ),
        fc.uint8Array({ maxLength: 60 }),
        fc.constantFrom('', '}', ' at 1', '.5'),
      )
      .map(([head, body, tail]) => Buffer.concat([Buffer.from(head), body, Buffer.from(tail)]));
    fc.assert(
      fc.property(bytes, (value) => {
        const decoded = decodeClickEvent(value);
        if (decoded.status === 'malformed') expect(MALFORMED_REASONS).toContain(decoded.reason);
        else expect(decoded.value.userId).not.toBe('');
      }),
      { numRuns: 2000 },
    );
  });

  it('accepts exactly the JSON that the zod schema accepts', () => {
    const anything = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 5 }),
      fc.string({
        unit: fc.constantFrom('\ud800', '\udc00', '\u0000', '\u007f', '\u009f', '\u00a0', 'a'),
        maxLength: 3,
      }),
      fc.integer({ min: 250, max: 260 }).map((length) => 'x'.repeat(length)),
      fc.constantFrom(2047, 2048, 2049, 8191, 8192, 8193).map((length) => 'x'.repeat(length)),
      fc.integer(),
      fc.double(),
      fc.constantFrom<unknown>(
        true,
        null,
        undefined,
        [],
        {},
        -0,
        253_402_300_799_999,
        253_402_300_800_000,
        2 ** 53,
      ),
    );
    const manyAttributes = fc
      .integer({ min: 63, max: 66 })
      .map((count) =>
        Object.fromEntries(Array.from({ length: count }, (_, index) => [String(index), index])),
      );
    const attributes = fc.oneof(records(anything), manyAttributes, anything);
    const nearlyValid = fc.tuple(
      clickEvents,
      fc.constantFrom('eventId', 'userId', 'url', 'timestamp', 'sessionId', 'referrer', 'userAgent', 'other'),
      fc.option(anything, { nil: 'unchanged' }),
      fc.option(attributes, { nil: 'unchanged' }),
    );
    const seen = { accepted: 0, refused: 0 };
    fc.assert(
      fc.property(nearlyValid, ([event, field, value, changedAttributes]) => {
        const changed: Record<string, unknown> = Object.fromEntries(Object.entries(event));
        if (value !== 'unchanged') changed[field] = value;
        if (changedAttributes !== 'unchanged') changed['attributes'] = changedAttributes;
        const text = JSON.stringify(changed);
        const decoded = decode(text);
        const checked = jsonClickEventSchema.safeParse(JSON.parse(text));
        expect(decoded.status === 'decoded').toBe(checked.success);
        if (decoded.status === 'decoded') deepStrictEqual(checked.data, decoded.value);
        seen[checked.success ? 'accepted' : 'refused'] += 1;
      }),
      { numRuns: 3000 },
    );
    expect(Math.min(seen.accepted, seen.refused)).toBeGreaterThan(300);
  });

  it('refuses text beyond the limits in either form', () => {
    fc.assert(
      fc.property(lines({ min: 1, max: 256 }), (text) => {
        const long = text.repeat(257);
        expect(decodeJson({ userId: long })).toMatchObject({ status: 'malformed', reason: 'bad-field' });
        expect(decode(`User ${long} clicked on / at 1`)).toMatchObject({ status: 'malformed' });
      }),
    );
  });
});
