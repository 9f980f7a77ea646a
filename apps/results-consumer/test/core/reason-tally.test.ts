import { expect, test } from 'vitest';
import { ReasonTally } from '../../src/core/reason-tally.ts';

test('tells the first of each reason and counts them all', () => {
  const tally = new ReasonTally<string>('record');
  expect(tally.count).toBe(0);
  expect(tally.summary()).toBe('0 records');
  expect(tally.add('not-json')).toBe(true);
  expect(tally.summary()).toBe('1 record: 1 not-json');
  expect(tally.add('bad-field')).toBe(true);
  expect(tally.summary()).toBe('2 records: 1 bad-field, 1 not-json');
  expect(tally.add('bad-field')).toBe(false);
  expect(tally.count).toBe(3);
  expect(tally.summary()).toBe('3 records: 2 bad-field, 1 not-json');
});
