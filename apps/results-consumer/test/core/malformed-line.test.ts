import { decodeClickEvent, type Malformed } from '@clickstream/schema';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { describeMalformed, malformedLine } from '../../src/core/malformed-line.ts';
import { markingStyle, plainStyle } from './marking-style.ts';

const nonsense: Malformed = { status: 'malformed', reason: 'unknown-form', detail: 'what it is not' };

function lineOf(value: Buffer | null): string {
  return malformedLine(describeMalformed(nonsense, 'clicks', 2, 17n, value), plainStyle);
}

describe('malformedLine', () => {
  test('says where the record is, what is wrong and how it begins, in passing', () => {
    const described = describeMalformed(nonsense, 'clicks', 2, 17n, Buffer.from('garbage'));
    expect(malformedLine(described, markingStyle)).toBe(
      '!malformed record!( clicks [2] @ 17: unknown-form, what it is not: "garbage")',
    );
  });

  test('cuts a long value after 80 characters and says so', () => {
    expect(lineOf(Buffer.from('é'.repeat(80)))).toMatch(/: "é{80}"$/);
    expect(lineOf(Buffer.from('é'.repeat(81)))).toMatch(/: "é{80}…"$/);
    expect(lineOf(Buffer.from('😀'.repeat(1000)))).toMatch(/: "(😀){80}…"$/u);
  });

  test('has an empty excerpt when there is no value', () => {
    expect(lineOf(null)).toMatch(/: ""$/);
  });

  test('is one short line without anything a terminal would obey, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2_000 }), (bytes) => {
        const value = Buffer.from(bytes);
        const decoded = decodeClickEvent(value);
        fc.pre(decoded.status === 'malformed');
        const described = describeMalformed(decoded, 'clicks', 0, 0n, value);
        const line = malformedLine(described, plainStyle);
        expect(line).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u);
        expect(line.length).toBeLessThan(1_200);
      }),
    );
  });
});
