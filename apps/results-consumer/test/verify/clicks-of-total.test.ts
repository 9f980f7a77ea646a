import { encodeRunningTotal, RECORD_FORMATS } from '@clickstream/schema';
import { describe, expect, test } from 'vitest';
import { clicksOfTotal } from '../../src/verify/clicks-of-total.ts';

describe('clicksOfTotal', () => {
  test.each(RECORD_FORMATS)('reads what the aggregator writes as %s', (format) => {
    for (const userId of ['42', 'a b', '{', 'x has clicked 3 times.', 'ü', '\u2028']) {
      const total = { userId, clicks: 17, lastClickAt: 1, lastUrl: '/' };
      expect(clicksOfTotal(userId, Buffer.from(encodeRunningTotal(total, format).value))).toBe(17);
    }
  });

  test.each([
    'User 43 has clicked 17 times.',
    'User 42 has clicked 0 times.',
    'User 42 has clicked 017 times.',
    '{"userId":"43","clicks":17}',
    '{"userId":"42","clicks":1.5}',
    '{"userId":"42"',
    '',
  ])('takes %j for no total of user 42', (value) => {
    expect(clicksOfTotal('42', Buffer.from(value))).toBeUndefined();
  });
});
