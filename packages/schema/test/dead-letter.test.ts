import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DeadLetter, EncodedDeadLetter, RecordHeaders } from '@clickstream/schema';
import {
  CLICK_RECORD_LIMIT_BYTES,
  DEAD_LETTER_LIMIT_BYTES,
  DEAD_LETTER_REASONS,
  decodeDeadLetter,
  encodeDeadLetter,
  recordSizeBytes,
} from '@clickstream/schema';
import { TRAPS } from './click-event-arbitrary.ts';

const LETTER: DeadLetter = {
  reason: 'malformed',
  detail: 'the first byte is neither { (JSON) nor U (sentence)',
  topic: 'user_clickstream',
  partition: 2,
  offset: 17n,
  timestampMs: 1711111111123,
  key: Buffer.from('42'),
  value: Buffer.from('hello'),
  headers: [],
};

/** The record as a reader gets it. */
function asRead(record: EncodedDeadLetter): {
  key: Buffer | null;
  value: Buffer | null;
  headers: RecordHeaders;
} {
  const headers = Object.entries(record.headers).flatMap(([name, values]) =>
    [values].flat().map((value): [string, Buffer] => [name, value]),
  );
  return { key: record.key, value: record.value, headers };
}

function text(headers: EncodedDeadLetter['headers']): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
}

it('keeps the record and tells reason, detail and origin in headers', () => {
  const record = encodeDeadLetter({ ...LETTER, headers: [['schema-version', Buffer.from('1')]] });
  expect(record).toMatchObject({ key: LETTER.key, value: LETTER.value });
  expect(text(record.headers)).toEqual({
    'schema-version': '1',
    'dead-letter-reason': 'malformed',
    'dead-letter-detail': LETTER.detail,
    'dead-letter-topic': 'user_clickstream',
    'dead-letter-partition': '2',
    'dead-letter-offset': '17',
    'dead-letter-timestamp': '1711111111123',
  });
});

it('tells what made a click late, and which windows it missed', () => {
  const record = encodeDeadLetter({
    ...LETTER,
    reason: 'missed',
    streamTimeMs: 1711111200000,
    missedWindows: [-30000, 0],
  });
  expect(text(record.headers)).toMatchObject({
    'dead-letter-reason': 'missed',
    'dead-letter-stream-time': '1711111200000',
    'dead-letter-windows': '-30000,0',
  });
});

it('replaces the dead-letter headers of the rejected record', () => {
  const record = encodeDeadLetter({
    ...LETTER,
    headers: [
      ['dead-letter-reason', Buffer.from('late')],
      ['dead-letter-original-size', Buffer.from('1')],
    ],
  });
  expect(text(record.headers)['dead-letter-reason']).toBe('malformed');
  expect(record.headers).not.toHaveProperty('dead-letter-original-size');
});

it('keeps repeated headers', () => {
  const record = encodeDeadLetter({
    ...LETTER,
    headers: ['1', '2', '3'].map((value): [string, Buffer] => ['trace', Buffer.from(value)]),
  });
  expect(record.headers['trace']).toEqual(['1', '2', '3'].map((value) => Buffer.from(value)));
});

it('decodes what was encoded, whatever the bytes and names', () => {
  const bytes = fc.uint8Array({ maxLength: 20 }).map((array) => Buffer.from(array));
  const names = fc.oneof(fc.constantFrom(...TRAPS), fc.string({ unit: 'binary', maxLength: 10 }));
  const allFields = fc.record({
    streamTimeMs: fc.maxSafeInteger(),
    missedWindows: fc.array(fc.maxSafeInteger(), { minLength: 1, maxLength: 5 }),
    reason: fc.constantFrom(...DEAD_LETTER_REASONS),
    detail: fc.string({ unit: 'binary', maxLength: 100 }),
    topic: fc.string({ unit: 'grapheme-ascii', maxLength: 20 }),
    partition: fc.nat(),
    offset: fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }),
    timestampMs: fc.integer({ min: -1, max: 2 ** 48 }),
    key: fc.option(bytes),
    value: fc.option(bytes),
    headers: fc.uniqueArray(fc.tuple(names, bytes), { selector: ([name]) => name, maxLength: 5 }),
  });
  const letters: fc.Arbitrary<DeadLetter> = fc
    .tuple(allFields, fc.boolean(), fc.boolean())
    .map(([{ streamTimeMs, missedWindows, ...letter }, hasStreamTime, hasWindows]) => ({
      ...letter,
      ...(hasStreamTime && { streamTimeMs }),
      ...(hasWindows && { missedWindows }),
    }));
  fc.assert(
    fc.property(letters, (letter) => {
      const decoded = decodeDeadLetter(asRead(encodeDeadLetter(letter)));
      if (decoded.status === 'malformed') throw new Error(decoded.detail);
      // An object puts names that are integers first.
      const sorted = (headers: RecordHeaders) => headers.toSorted(([a], [b]) => (a < b ? -1 : 1));
      expect({ ...decoded.value, headers: sorted(decoded.value.headers) }).toEqual({
        ...letter,
        headers: sorted(letter.headers),
      });
    }),
    { numRuns: 500 },
  );
});

describe('a record that is too large', () => {
  const million = Buffer.alloc(1_000_000, 'x');
  const tinyHeaders = Array.from({ length: 100_000 }, (_, index): [string, Buffer] => [
    `h${index}`,
    Buffer.alloc(0),
  ]);

  it.each<[string, Partial<DeadLetter>]>([
    ['in its value', { value: million }],
    ['in its key', { key: million }],
    ['in one header', { headers: [['big', million]] }],
    ['in many headers', { headers: tinyHeaders }],
    ['in a header name', { headers: [['n'.repeat(1_000_000), Buffer.alloc(0)]] }],
    [
      'everywhere',
      {
        key: million,
        value: million,
        headers: [
          ['a', Buffer.from('1')],
          ['b', million],
          ['c', million],
        ],
      },
    ],
    ['in its detail', { value: Buffer.alloc(DEAD_LETTER_LIMIT_BYTES - 4000), detail: '€'.repeat(5000) }],
  ])('%s is cut to fit and tells its size', (_, large) => {
    const letter = { ...LETTER, ...large };
    const record = asRead(encodeDeadLetter(letter));
    expect(recordSizeBytes(record)).toBeLessThanOrEqual(DEAD_LETTER_LIMIT_BYTES);
    const decoded = decodeDeadLetter(record);
    const original = recordSizeBytes(letter);
    if (large.detail === undefined) {
      expect(decoded).toMatchObject({ status: 'decoded', value: { originalSizeBytes: original } });
    } else expect(decoded).toMatchObject({ status: 'decoded', value: { detail: '€'.repeat(1024) } });
  });

  it('keeps as much of the value as there is room for', () => {
    const record = asRead(encodeDeadLetter({ ...LETTER, value: million }));
    expect(recordSizeBytes(record)).toBe(DEAD_LETTER_LIMIT_BYTES);
    expect(record.key).toEqual(LETTER.key);
  });

  it('leaves every click whole that is within its own limit, whatever is said of it', () => {
    const click = { key: Buffer.from('42'), headers: [['trace', Buffer.from('7')]] as const };
    const overhead = recordSizeBytes({ ...click, value: null });
    const letter = {
      ...click,
      value: Buffer.alloc(CLICK_RECORD_LIMIT_BYTES - overhead),
      reason: 'missed' as const,
      detail: '€'.repeat(1_024),
      topic: 't'.repeat(249),
      partition: 2 ** 31 - 1,
      offset: 2n ** 63n - 1n,
      timestampMs: 253_402_300_799_999,
      streamTimeMs: 253_402_300_799_999,
      missedWindows: Array.from({ length: 1_000 }, (_, index) => 253_402_300_799_999 - index),
    };
    const { value, headers } = encodeDeadLetter(letter);
    expect(value).toBe(letter.value);
    expect(headers).not.toHaveProperty('dead-letter-original-size');
  });

  it('is whole up to the last byte that fits', () => {
    const overhead = recordSizeBytes(asRead(encodeDeadLetter({ ...LETTER, value: Buffer.alloc(0) })));
    const exact = { ...LETTER, value: Buffer.alloc(DEAD_LETTER_LIMIT_BYTES - overhead) };
    expect(encodeDeadLetter(exact).headers).not.toHaveProperty('dead-letter-original-size');
    const over = { ...LETTER, value: Buffer.alloc(DEAD_LETTER_LIMIT_BYTES - overhead + 1) };
    expect(encodeDeadLetter(over).headers).toHaveProperty('dead-letter-original-size');
  });
});

describe('decodeDeadLetter', () => {
  const good = asRead(encodeDeadLetter(LETTER));

  it.each(['reason', 'detail', 'topic', 'partition', 'offset', 'timestamp'])(
    'refuses a record without %s',
    (name) => {
      const headers = good.headers.filter(([given]) => given !== `dead-letter-${name}`);
      expect(decodeDeadLetter({ ...good, headers })).toEqual({
        status: 'malformed',
        reason: 'bad-header',
        detail: `header dead-letter-${name} is missing or wrong`,
      });
    },
  );

  it.each([
    ['reason', 'bored'],
    ['partition', '1.5'],
    ['offset', '1'.repeat(30)],
    ['timestamp', ''],
    ['original-size', 'large'],
    ['stream-time', 'now'],
    ['windows', ''],
    ['windows', '1,,2'],
  ])('refuses %s %j', (name, value) => {
    const headers: RecordHeaders = [...good.headers, [`dead-letter-${name}`, Buffer.from(value)]];
    expect(decodeDeadLetter({ ...good, headers })).toMatchObject({
      status: 'malformed',
      reason: 'bad-header',
    });
  });
});
