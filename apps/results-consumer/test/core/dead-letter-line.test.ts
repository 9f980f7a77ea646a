import type { DecodedDeadLetter } from '@clickstream/schema';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { deadLetterLine, describeDeadLetter } from '../../src/core/dead-letter-line.ts';
import { markingStyle, plainStyle } from './marking-style.ts';

const WRITTEN_AT = Date.UTC(2026, 2, 22, 12, 38, 31, 123);
const letter: DecodedDeadLetter = {
  reason: 'malformed',
  detail: 'unknown-form: neither',
  topic: 'user_clickstream',
  partition: 2,
  offset: 17n,
  timestampMs: 1_711_111_111_123,
  key: null,
  value: Buffer.from('hello'),
  headers: [],
};

describe('deadLetterLine', () => {
  test('warns of the reason', () => {
    expect(deadLetterLine(letter, WRITTEN_AT, markingStyle)).toBe(
      '(2026-03-22T12:38:31.123Z) !malformed! user_clickstream [2] @ 17: unknown-form: neither: "hello"',
    );
  });

  test.each([-1, Number.MAX_SAFE_INTEGER])('takes any timestamp: %d', (ms) => {
    expect(deadLetterLine(letter, ms, plainStyle)).toMatch(/^no time malformed /);
  });

  test('is one line without anything a terminal would obey, whatever the bytes', () => {
    const bytes = fc.uint8Array({ maxLength: 500 }).map((array) => Buffer.from(array));
    fc.assert(
      fc.property(bytes, fc.string({ unit: 'binary' }), (value, text) => {
        const line = deadLetterLine({ ...letter, value, detail: text, topic: text }, WRITTEN_AT, plainStyle);
        expect(line).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u);
      }),
    );
  });
});

describe('describeDeadLetter', () => {
  test('keeps every byte', () => {
    fc.assert(
      fc.property(fc.option(fc.uint8Array({ maxLength: 20 })), (bytes) => {
        const value = bytes && Buffer.from(bytes);
        const described = describeDeadLetter({ ...letter, value }, WRITTEN_AT);
        const kept =
          described.valueBase64 === undefined
            ? described.value && Buffer.from(described.value)
            : Buffer.from(described.valueBase64, 'base64');
        expect(kept === '' ? Buffer.alloc(0) : kept).toEqual(value);
      }),
    );
  });
});
