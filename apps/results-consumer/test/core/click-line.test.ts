import { formatClickEvent } from '@clickstream/schema';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { clickLine } from '../../src/core/click-line.ts';
import { markingStyle, plainStyle } from './marking-style.ts';

describe('clickLine', () => {
  test('is the sentence with the user id set off', () => {
    const click = { userId: '42', url: '/page3', timestamp: 1_711_111_111_123 };
    expect(clickLine(click, markingStyle)).toBe('User [42] clicked on /page3 at 1711111111.123');
  });

  test('without a terminal is the sentence of the schema, whatever user id and url', () => {
    const text = fc.string({ unit: 'binary', minLength: 1 });
    fc.assert(
      fc.property(text, text, fc.nat(), (userId, url, timestamp) => {
        const click = { userId, url, timestamp };
        expect(clickLine(click, plainStyle)).toBe(formatClickEvent(click));
      }),
    );
  });
});
