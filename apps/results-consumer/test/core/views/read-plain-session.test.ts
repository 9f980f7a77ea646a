import { decodeUserSession, encodeUserSession } from '@clickstream/schema';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readPlainSession } from '../../../src/core/views/read-plain-session.ts';
import { recordOf } from './record-of.ts';

const read = (key: string | null, value: string | null) => readPlainSession(recordOf(key, value));
const decode = (key: string, value: string) => decodeUserSession(Buffer.from(key), Buffer.from(value));

const plain = fc.stringMatching(/^[ !#-[\]-~]{1,30}$/);
const anyText = fc.oneof(plain, fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }));
const time = fc.nat({ max: 253_402_300_799_999 });

test('reads what is plain as the decoder does', () => {
  const session = fc.record({
    userId: plain,
    start: time,
    end: time,
    clicks: fc.integer({ min: 1 }),
    entryUrl: plain,
    exitUrl: plain,
    final: fc.boolean(),
  });
  fc.assert(
    fc.property(session, (written) => {
      const { key, value } = encodeUserSession(written);
      const found = read(key, value);
      expect(found).toMatchObject(written);
      expect({ status: 'decoded', value: found }).toEqual(decode(key, value));
    }),
  );
});

test('never reads what the decoder reads otherwise or not at all', () => {
  const number = fc.oneof(time.map(String), fc.constantFrom('', '0', '01', '-1', '1e3', '253402300800000'));
  const flag = fc.constantFrom('true', 'false', '1', '');
  const one = fc
    .tuple(anyText, number, number, number, anyText, anyText, flag, flag, anyText)
    .map(([userId, start, end, clicks, entryUrl, exitUrl, bounce, final, other]) => ({
      keys: [`${start}/${userId}`, `${start}/${other}`, other],
      value: `{"userId":"${userId}","sessionId":"${userId}@${start}","start":${start},"end":${end},"clicks":${clicks},"entryUrl":"${entryUrl}","exitUrl":"${exitUrl}","bounce":${bounce},"final":${final}}`,
    }));
  fc.assert(
    fc.property(one, ({ keys, value }) => {
      for (const key of keys) {
        const found = read(key, value);
        if (found !== undefined) expect(decode(key, value)).toEqual({ status: 'decoded', value: found });
      }
    }),
    { numRuns: 2_000 },
  );
});

test('does not read a record without key or value, of another session, or with more behind it', () => {
  const { key, value } = encodeUserSession({
    ...{ userId: 'a', start: 10, end: 20, clicks: 2, entryUrl: '/', exitUrl: '/', final: false },
  });
  expect(read(key, value)).toBeDefined();
  for (const [otherKey, otherValue] of [
    [null, value],
    [key, null],
    ['11/a', value],
    [key, `${value} `],
    [key, value.replace('a@10', 'a@11')],
  ] as const)
    expect(read(otherKey, otherValue)).toBeUndefined();
});
