import { expect, test } from 'vitest';
import { whyNotReady } from '../../src/serve/not-ready.ts';

const reading = { code: 'reading', reason: 'still reading what was there at the start' };
const all = { code: 'silent', reason: 'no answer from Kafka for 12 s', silenceMs: 12_000 };
const one = {
  code: 'silent',
  reason: 'no answer from Kafka for a partition for 11 s',
  silenceMs: 11_000,
  partition: 'clicks [2]',
};

test.each([
  ['ready', true, 9_999, 9_999, undefined],
  ['still reading', false, 0, 0, reading],
  ['silent while it reads at the start', false, 12_000.4, 12_000, all],
  ['silent in one partition while it reads at the start', false, 0, 11_000, one],
  ['silent later', true, 12_000, 0, all],
  ['silent in one partition later', true, 300, 11_000, one],
])('is %s', (_, isReady, silenceMs, partitionMs, expected) => {
  expect(whyNotReady(isReady, silenceMs, { name: 'clicks [2]', silenceMs: partitionMs })).toEqual(expected);
});
