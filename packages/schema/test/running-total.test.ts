import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Decoded, EncodedRunningTotal, RunningTotal } from '@clickstream/schema';
import {
  CLICK_EVENT_LIMITS,
  decodeRunningTotal,
  encodeRunningTotal,
  formatRunningTotal,
  RECORD_FORMATS,
  runningTotalSchema,
} from '@clickstream/schema';
import { lines, timestamps, TRAPS } from './click-event-arbitrary.ts';

const TOTAL: RunningTotal = { userId: '42', clicks: 17, lastClickAt: 1711111111123, lastUrl: '/page3' };

function decode({ key, value, headers = {} }: EncodedRunningTotal): Decoded<RunningTotal> {
  return decodeRunningTotal(Buffer.from(key), Buffer.from(value), (name) => {
    const header = Object.hasOwn(headers, name) ? headers[name] : undefined;
    return header === undefined ? undefined : Buffer.from(header);
  });
}

it('is written as JSON', () => {
  expect(encodeRunningTotal(TOTAL, 'json')).toEqual({
    key: '42',
    value: '{"userId":"42","clicks":17,"lastClickAt":1711111111123,"lastUrl":"/page3"}',
  });
});

it('is written as a sentence with headers', () => {
  expect(encodeRunningTotal(TOTAL, 'sentence')).toEqual({
    key: '42',
    value: 'User 42 has clicked 17 times.',
    headers: { lastClickAt: '1711111111123', lastUrl: '/page3' },
  });
});

it.each(RECORD_FORMATS)('decodes what was encoded as %s, raw text and trap names included', (format) => {
  const totals = fc.record(
    {
      userId: fc.oneof(
        lines(CLICK_EVENT_LIMITS.userIdLength),
        fc.constantFrom(...TRAPS, '7 has clicked 1 times.'),
      ),
      clicks: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
      lastClickAt: timestamps,
      lastUrl: lines(CLICK_EVENT_LIMITS.urlLength),
    },
    { noNullPrototype: true },
  );
  fc.assert(
    fc.property(totals, (total) => {
      expect(runningTotalSchema.safeParse(total).success).toBe(true);
      expect(decode(encodeRunningTotal(total, format))).toStrictEqual({ status: 'decoded', value: total });
    }),
    { numRuns: 500 },
  );
});

it('ignores fields of a later version', () => {
  const value = JSON.stringify({ ...TOTAL, firstClickAt: 1 });
  expect(decode({ key: '42', value })).toEqual({ status: 'decoded', value: TOTAL });
});

describe('decodeRunningTotal', () => {
  const sentence = encodeRunningTotal(TOTAL, 'sentence');
  const json = encodeRunningTotal(TOTAL, 'json');

  it.each<[string, EncodedRunningTotal, string]>([
    ['an empty value', { key: '42', value: '' }, 'no-value'],
    ['another form', { key: '42', value: '[]' }, 'unknown-form'],
    ['a click', { key: '42', value: 'User 42 clicked on / at 1' }, 'bad-sentence'],
    ['text after the sentence', { ...sentence, value: `${sentence.value}\n` }, 'bad-sentence'],
    ['a count of none', { ...sentence, value: 'User 42 has clicked 0 times.' }, 'bad-sentence'],
    [
      'a count too great',
      { ...sentence, value: `User 42 has clicked 9${'0'.repeat(20)} times.` },
      'bad-field',
    ],
    ['another user in the sentence', { ...sentence, key: '43' }, 'key-mismatch'],
    ['another user in the JSON', { ...json, key: '43' }, 'key-mismatch'],
    ['a sentence without headers', { key: '42', value: sentence.value }, 'bad-header'],
    ['a sentence without lastUrl', { ...sentence, headers: { lastClickAt: '1' } }, 'bad-header'],
    [
      'a lastClickAt that is no number',
      { ...sentence, headers: { lastClickAt: 'x', lastUrl: '/' } },
      'bad-header',
    ],
    ['broken JSON', { key: '42', value: '{' }, 'not-json'],
    ['a fraction of a click', { key: '42', value: JSON.stringify({ ...TOTAL, clicks: 1.5 }) }, 'bad-field'],
    ['a missing field', { key: '42', value: '{"userId":"42","clicks":17}' }, 'bad-field'],
  ])('refuses %s', (_, record, reason) => {
    expect(decode(record)).toMatchObject({ status: 'malformed', reason });
  });

  it('refuses a tombstone, a missing key and bytes that are not UTF-8', () => {
    const none = () => undefined;
    const bad = Buffer.from([0x55, 0xff]);
    expect(decodeRunningTotal(Buffer.from('42'), null, none)).toMatchObject({ reason: 'no-value' });
    expect(decodeRunningTotal(null, Buffer.from(json.value), none)).toMatchObject({ reason: 'key-mismatch' });
    expect(decodeRunningTotal(bad, Buffer.from(json.value), none)).toMatchObject({ reason: 'not-utf8' });
    expect(decodeRunningTotal(Buffer.from('42'), bad, none)).toMatchObject({ reason: 'not-utf8' });
    expect(
      decodeRunningTotal(Buffer.from('42'), Buffer.from(sentence.value), (name) =>
        name === 'lastUrl' ? bad : Buffer.from('1'),
      ),
    ).toMatchObject({ reason: 'bad-header' });
  });

  it('never throws, whatever the bytes', () => {
    const bytes = fc
      .tuple(fc.constantFrom('', '{', 'User 42 has clicked ', json.value), fc.uint8Array({ maxLength: 30 }))
      .map((parts) => Buffer.concat(parts.map((part) => Buffer.from(part))));
    fc.assert(
      fc.property(fc.option(bytes), fc.option(bytes), fc.option(bytes), (key, value, header) => {
        expect(decodeRunningTotal(key, value, () => header)).toHaveProperty('status');
      }),
      { numRuns: 1000 },
    );
  });
});

describe('formatRunningTotal', () => {
  it.each([
    [TOTAL, 'User 42 has clicked 17 times.'],
    [{ ...TOTAL, clicks: 1 }, 'User 42 has clicked 1 times.'],
    [{ ...TOTAL, userId: '\u001b[31mred' }, 'User \\x1b[31mred has clicked 17 times.'],
  ])('%#', (total, sentence) => {
    expect(formatRunningTotal(total)).toBe(sentence);
  });
});
