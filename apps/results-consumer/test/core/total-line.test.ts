import { formatRunningTotal } from '@clickstream/schema';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { totalLine } from '../../src/core/total-line.ts';
import { markingStyle, plainStyle } from './marking-style.ts';

describe('totalLine', () => {
  test('is the sentence with user id and count set off', () => {
    expect(totalLine({ userId: '42', clicks: 17 }, markingStyle)).toBe('User [42] has clicked <17> times.');
  });

  test.each([
    ['User', 'User [User] has clicked <1> times.'],
    [' has clicked 1 times.', 'User [ has clicked 1 times.] has clicked <1> times.'],
    ['a\u001b[31mb', 'User [a\\x1b[31mb] has clicked <1> times.'],
    ['\u202e1', 'User [\\u202e1] has clicked <1> times.'],
  ])('is not misled by user %j', (userId, expected) => {
    expect(totalLine({ userId, clicks: 1 }, markingStyle)).toBe(expected);
  });

  test('without a terminal is the sentence of the schema, whatever the user id', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1 }), fc.integer({ min: 1 }), (userId, clicks) => {
        const total = { userId, clicks };
        expect(totalLine(total, plainStyle)).toBe(formatRunningTotal(total));
      }),
    );
  });
});
