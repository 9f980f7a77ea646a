import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Decoded, EncodedResult, PageClicks } from '@clickstream/schema';
import {
  CLICK_EVENT_LIMITS,
  decodeClosedUntil,
  decodePageClicks,
  encodeClosedUntil,
  encodePageClicks,
  isClosedUntilKey,
  OTHER_PAGES,
  pageClicksSchema,
} from '@clickstream/schema';
import { lines, TRAPS } from './click-event-arbitrary.ts';

const RESULT: PageClicks = {
  page: '/page3',
  windowStart: 1711111080000,
  windowEnd: 1711111140000,
  partition: 2,
  clicks: 17,
  users: 5,
  usersExact: true,
  final: false,
};

function decode({ key, value }: EncodedResult): Decoded<PageClicks> {
  return decodePageClicks(Buffer.from(key), Buffer.from(value));
}

it('is written as JSON under window start, partition and page', () => {
  expect(encodePageClicks(RESULT)).toEqual({
    key: '1711111080000/2//page3',
    value:
      '{"page":"/page3","windowStart":1711111080000,"windowEnd":1711111140000,"partition":2,"clicks":17,"users":5,"usersExact":true,"final":false}',
  });
});

it('decodes what was encoded, whatever the page', () => {
  const results = fc.record(
    {
      page: fc.oneof(
        lines(CLICK_EVENT_LIMITS.urlLength),
        fc.constantFrom(...TRAPS, OTHER_PAGES, '1/2//a', '"', '\\'),
      ),
      windowStart: fc.maxSafeInteger(),
      windowEnd: fc.maxSafeInteger(),
      partition: fc.nat(),
      clicks: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
      users: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
      usersExact: fc.boolean(),
      final: fc.boolean(),
    },
    { noNullPrototype: true },
  );
  fc.assert(
    fc.property(results, (result) => {
      expect(pageClicksSchema.safeParse(result).success).toBe(true);
      expect(decode(encodePageClicks(result))).toStrictEqual({ status: 'decoded', value: result });
    }),
    { numRuns: 500 },
  );
});

it('ignores fields of a later version', () => {
  const value = JSON.stringify({ ...RESULT, bots: 1 });
  expect(decode({ ...encodePageClicks(RESULT), value })).toEqual({ status: 'decoded', value: RESULT });
});

it.each([
  ['another window', '1711111140000/2//page3', 'key-mismatch'],
  ['another partition', '1711111080000/3//page3', 'key-mismatch'],
  ['another page', '1711111080000/2//page4', 'key-mismatch'],
])('refuses a key of %s', (_, key, reason) => {
  expect(decode({ ...encodePageClicks(RESULT), key })).toMatchObject({ status: 'malformed', reason });
});

it('refuses a tombstone, a missing key, broken JSON and fields out of bounds', () => {
  const { key, value } = encodePageClicks(RESULT);
  expect(decodePageClicks(Buffer.from(key), null)).toMatchObject({ reason: 'no-value' });
  expect(decodePageClicks(null, Buffer.from(value))).toMatchObject({ reason: 'key-mismatch' });
  expect(decodePageClicks(Buffer.from([0xff]), Buffer.from(value))).toMatchObject({ reason: 'not-utf8' });
  expect(decode({ key, value: '{' })).toMatchObject({ reason: 'not-json' });
  expect(decode({ key, value: JSON.stringify({ ...RESULT, clicks: 0 }) })).toMatchObject({
    reason: 'bad-field',
  });
});

it('shares its topic with how far a partition is closed, which is told apart by its key', () => {
  const closedUntil = { partition: 2, closedUntil: -60000, streamTime: -1, idle: true };
  const { key, value } = encodeClosedUntil(closedUntil);
  expect({ key, value }).toEqual({
    key: 'closedUntil/2',
    value: '{"partition":2,"closedUntil":-60000,"streamTime":-1,"idle":true}',
  });
  expect(decodeClosedUntil(Buffer.from(key), Buffer.from(value))).toEqual({
    status: 'decoded',
    value: closedUntil,
  });
  expect(isClosedUntilKey(Buffer.from(key))).toBe(true);
  expect(decode({ key, value })).toMatchObject({ status: 'malformed' });
  expect(isClosedUntilKey(Buffer.from(encodePageClicks(RESULT).key))).toBe(false);
  expect(isClosedUntilKey(null)).toBe(false);
  expect(decodeClosedUntil(Buffer.from('closedUntil/3'), Buffer.from(value))).toMatchObject({
    reason: 'key-mismatch',
  });
});
