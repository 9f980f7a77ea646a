import { expect, test } from 'vitest';
import { parseDurationMs } from '../../src/core/parse-duration.ts';

test.each([
  ['500ms', 500],
  ['30s', 30_000],
  ['1.5m', 90_000],
  ['2h', 7_200_000],
])('%s is %d ms', (text, durationMs) => {
  expect(parseDurationMs(text)).toBe(durationMs);
});

test.each(['', '30', 's', '-1s', '1 s', '1d', '1e3s'])('"%s" is no duration', (text) => {
  expect(parseDurationMs(text)).toBeUndefined();
});
