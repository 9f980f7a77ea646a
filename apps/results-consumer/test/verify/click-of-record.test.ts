import type { RecordCursor } from '@clickstream/kafka-client';
import { decodeClickEvent } from '@clickstream/schema';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { clickOfRecord } from '../../src/verify/click-of-record.ts';
import { recordOf } from './record-of.ts';

const CLICK = { eventId: 'e-1', userId: '42', url: '/page3', timestamp: 1_711_111_111_123 };
const json = (changes: object) => JSON.stringify({ ...CLICK, ...changes });
const version = (value: string): { headers: [string, Buffer][] } => ({
  headers: [['schema-version', Buffer.from(value)]],
});
const nested = (levels: number) => '['.repeat(levels) + ']'.repeat(levels);

/** The user whose click a record is; undefined if it is none. */
function userOf(record: RecordCursor): string | undefined {
  const click = clickOfRecord(record);
  return typeof click === 'string' ? undefined : click.userId;
}

describe('clickOfRecord', () => {
  test.each([
    ['a sentence', 'User 42 clicked on /page3 at 1711111111.123'],
    ['a sentence without fraction', 'User 42 clicked on /page3 at 1711111111'],
    [
      'a sentence with any number of digits',
      'User 42 clicked on /page3 at 0001711111111.12399999999999999999',
    ],
    ['a sentence at the last millisecond', 'User 42 clicked on /page3 at 253402300799.9999'],
    ['JSON', json({})],
    ['JSON with unknown fields', json({ extra: [1, { __proto__: null }] })],
    [
      'JSON with all fields',
      json({ sessionId: 's', referrer: '', userAgent: '', attributes: { a: 1, b: null } }),
    ],
    ['JSON that repeats a field', `{"userId":"7",${json({}).slice(1)}`],
    ['JSON with control characters in an attribute value', json({ attributes: { a: '\u0000' } })],
    ['JSON of 512 levels', `{"extra":${nested(511)},${json({}).slice(1)}`],
    ['the longest fields', json({ eventId: 'e'.repeat(256), url: 'u'.repeat(8192) })],
  ])('takes %s', (_, value) => {
    expect(userOf(recordOf(value))).toBe('42');
  });

  test.each([
    ['no value', null],
    ['an empty value', ''],
    ['anything else', 'hello'],
    ['an ending after the sentence', 'User 42 clicked on /page3 at 1\n'],
    ['white space in a sentence', 'User 4 2 clicked on /page3 at 1'],
    ['a control character in a sentence', 'User 4\u00012 clicked on /page3 at 1'],
    ['a sentence after the year 9999', 'User 42 clicked on /page3 at 253402300800'],
    ['a sentence with half a fraction', 'User 42 clicked on /page3 at 1.'],
    ['a byte order mark', `\ufeff${json({})}`],
    ['half of JSON', '{"userId":'],
    ['an empty user', json({ userId: '' })],
    ['a user of 257 characters', json({ userId: 'u'.repeat(257) })],
    ['a user that is a number', json({ userId: 42 })],
    ['a lone surrogate', `{"eventId":"e","userId":"\\ud800","url":"/","timestamp":1}`],
    ['no event id', json({ eventId: undefined })],
    ['an optional field that is null', json({ referrer: null })],
    ['half a millisecond', json({ timestamp: 1.5 })],
    ['a time before 1970', json({ timestamp: -1 })],
    ['attributes that are a list', json({ attributes: [] })],
    ['an attribute that is an object', json({ attributes: { a: {} } })],
    ['an infinite attribute', json({}).replace('{', '{"attributes":{"a":1e999},')],
    ['65 attributes', json({ attributes: Object.fromEntries(Array.from({ length: 65 }, (_, n) => [n, n])) })],
    ['JSON of 513 levels', `{"extra":${nested(512)},${json({}).slice(1)}`],
    ['invalid UTF-8', Buffer.from([...Buffer.from('User 4'), 0xff, ...Buffer.from(' clicked on / at 1')])],
  ])('rejects %s', (_, value) => {
    expect(userOf(recordOf(value))).toBeUndefined();
  });

  test('rejects a record of more than 800 KiB, headers and their frames included', () => {
    const value = Buffer.from('User 42 clicked on /page3 at 1');
    const room = 800 * 1024 - value.length;
    const framed = (bytes: number): { key: Buffer; headers: [string, Buffer][] } => ({
      key: Buffer.alloc(100),
      headers: [['h', Buffer.alloc(bytes - 100 - 11)]],
    });
    expect(userOf(recordOf(value, framed(room)))).toBe('42');
    expect(userOf(recordOf(value, framed(room + 1)))).toBeUndefined();
  });

  test.each(['1', '1.0', '1.27'])('takes schema version %s', (name) => {
    expect(userOf(recordOf(json({}), version(name)))).toBe('42');
  });

  test.each(['2', '', '10', '1.', 'v1'])('rejects schema version %j', (name) => {
    expect(userOf(recordOf(json({}), version(name)))).toBeUndefined();
  });

  test('says why a record is no click', () => {
    expect(clickOfRecord(recordOf('hello'))).toBe('malformed');
    expect(clickOfRecord(recordOf(json({}), version('2')))).toBe('unsupported-version');
    expect(clickOfRecord(recordOf('U'.repeat(800 * 1024 + 1), version('2')))).toBe('too-large');
  });

  test('takes the place where it stood first for the id of a sentence that was sent again', () => {
    const sentAgain = (value: string, origin: string) =>
      clickOfRecord(recordOf(value, { headers: [['click-origin', Buffer.from(origin)]] }));
    const sentence = 'User 42 clicked on /page3 at 1';
    expect(sentAgain(sentence, 'user_clickstream/2/17')).toMatchObject({ id: 'user_clickstream/2/17' });
    expect(sentAgain(sentence, 'anything else')).toMatchObject({ id: undefined });
    expect(sentAgain(json({}), 'user_clickstream/2/17')).toMatchObject({ id: 'e-1' });
  });

  test('agrees with the decoder of the pipeline, which it shares no code with', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 12 }),
      fc.string({ unit: fc.constantFrom('a', ' ', '\u00a0', '\u0085', '\ud800', '"', '\\'), maxLength: 4 }),
    );
    const field = fc.oneof({ weight: 6, arbitrary: text }, fc.constant(null), fc.integer());
    const event = fc.record(
      {
        eventId: field,
        userId: field,
        url: field,
        timestamp: fc.oneof(fc.integer(), fc.double(), fc.constant(253_402_300_799_999), text),
        sessionId: field,
        referrer: field,
        userAgent: field,
        attributes: fc.oneof(fc.dictionary(text, fc.jsonValue({ maxDepth: 1 })), fc.jsonValue()),
      },
      { requiredKeys: ['eventId', 'userId', 'url', 'timestamp'] },
    );
    const sentence = fc
      .tuple(text, text, fc.stringMatching(/^\d{0,13}(\.\d{0,5})?$/))
      .map(([user, url, at]) => `User ${user} clicked on ${url} at ${at}`);
    const value = fc.oneof(
      event.map((one) => Buffer.from(JSON.stringify(one))),
      sentence.map((one) => Buffer.from(one)),
      fc.uint8Array({ maxLength: 30 }).map((bytes) => Buffer.from(bytes)),
    );
    let taken = 0;
    fc.assert(
      fc.property(value, (bytes) => {
        const decoded = decodeClickEvent(bytes);
        if (decoded.status === 'malformed') {
          expect(clickOfRecord(recordOf(bytes))).toBe('malformed');
          return;
        }
        const { userId, eventId: id, url, timestamp } = decoded.value;
        expect(clickOfRecord(recordOf(bytes))).toEqual({ userId, id, url, timestamp });
        taken++;
      }),
      { numRuns: 5000 },
    );
    expect(taken).toBeGreaterThan(100);
  });
});
