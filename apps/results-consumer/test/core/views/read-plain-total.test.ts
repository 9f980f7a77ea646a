import { decodeRunningTotal, encodeRunningTotal } from '@clickstream/schema';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readPlainTotal } from '../../../src/core/views/read-plain-total.ts';
import { recordOf } from './record-of.ts';

/** What it reads out of a record, undefined if it leaves it to the other. */
function read(key: string | null, value: string | null) {
  const record = recordOf(key, value);
  const into = { clicks: -1, lastClickAt: -1, urlStart: -1, urlEnd: -1 };
  if (!readPlainTotal(record, into)) return undefined;
  const lastUrl = record.bytes.toString('utf8', into.urlStart, into.urlEnd);
  return { userId: key, clicks: into.clicks, lastClickAt: into.lastClickAt, lastUrl };
}

const decode = (key: string, value: string) =>
  decodeRunningTotal(Buffer.from(key), Buffer.from(value), () => undefined);

const text = fc.oneof(
  fc.string({ minLength: 1, maxLength: 20 }),
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }),
);

test('reads what is plain as the decoder does', () => {
  const plain = fc.stringMatching(/^[ !#-[\]-~]{1,30}$/);
  fc.assert(
    fc.property(plain, fc.integer({ min: 1 }), fc.nat(), plain, (userId, clicks, lastClickAt, lastUrl) => {
      const { key, value } = encodeRunningTotal({ userId, clicks, lastClickAt, lastUrl }, 'json');
      expect(read(key, value)).toEqual({ userId, clicks, lastClickAt, lastUrl });
    }),
  );
});

test('never reads what the decoder reads otherwise or not at all', () => {
  const part = fc.oneof(text, fc.constantFrom('"', '\\', '}', ',', '0', '-1', '1e3', '01', '\u007f', 'é'));
  const value = fc
    .tuple(part, part, part, part)
    .map(
      ([userId, clicks, at, url]) =>
        `{"userId":"${userId}","clicks":${clicks},"lastClickAt":${at},"lastUrl":"${url}"}`,
    );
  const digits = fc.oneof(
    fc.bigInt({ min: 0n, max: 10n ** 17n }).map(String),
    fc.constantFrom('0', '00', ''),
  );
  const nearly = fc.tuple(part, digits, digits, part).map(([userId, clicks, at, url]) => ({
    key: userId,
    value: `{"userId":"${userId}","clicks":${clicks},"lastClickAt":${at},"lastUrl":"${url}"}`,
  }));
  const any = fc.oneof(nearly, fc.record({ key: text, value }));
  fc.assert(
    fc.property(any, ({ key, value }) => {
      const found = read(key, value);
      if (found !== undefined) expect(decode(key, value)).toEqual({ status: 'decoded', value: found });
    }),
    { numRuns: 2_000 },
  );
});

test.each([
  ['another user', 'b', '{"userId":"a","clicks":1,"lastClickAt":1,"lastUrl":"/"}'],
  ['a longer user', 'a', '{"userId":"ab","clicks":1,"lastClickAt":1,"lastUrl":"/"}'],
  ['no url', 'a', '{"userId":"a","clicks":1,"lastClickAt":1,"lastUrl":""}'],
  ['no clicks', 'a', '{"userId":"a","clicks":0,"lastClickAt":1,"lastUrl":"/"}'],
  ['more behind it', 'a', '{"userId":"a","clicks":1,"lastClickAt":1,"lastUrl":"/"} '],
  ['an end that is missing', 'a', '{"userId":"a","clicks":1,"lastClickAt":1,"lastUrl":"/'],
  ['a year beyond 9999', 'a', '{"userId":"a","clicks":1,"lastClickAt":253402300800000,"lastUrl":"/"}'],
])('does not read %s', (_, key, value) => {
  expect(read(key, value)).toBeUndefined();
});

test('does not read a record without key or value', () => {
  expect(read(null, '{"userId":"a","clicks":1,"lastClickAt":1,"lastUrl":"/"}')).toBeUndefined();
  expect(read('a', null)).toBeUndefined();
});
