import { expect, test } from 'vitest';
import { formatProgress } from '../../src/core/format-progress.ts';

const halfWay = { clicks: 500, malformed: 0, bytesDone: 50, totalBytes: 100, elapsedMs: 4_000 };

test.each([
  ['a file half way', halfWay, '50 %, 500 clicks, 125 clicks/s, ETA 4 s'],
  ['malformed lines', { ...halfWay, malformed: 2 }, '50 %, 500 clicks, 2 malformed, 125 clicks/s, ETA 4 s'],
  ['a long way to go', { ...halfWay, bytesDone: 1 }, '1 %, 500 clicks, 125 clicks/s, ETA 6 min 36 s'],
  [
    'hours to go',
    { ...halfWay, bytesDone: 1, elapsedMs: 80_000 },
    '1 %, 500 clicks, 6.25 clicks/s, ETA 2 h 12 min',
  ],
  ['the end', { ...halfWay, bytesDone: 100 }, '100 %, 500 clicks, 125 clicks/s'],
  ['the beginning', { ...halfWay, clicks: 0, bytesDone: 0 }, '0 %, 0 clicks, 0.00 clicks/s'],
  ['a pipe', { ...halfWay, totalBytes: undefined }, '500 clicks, 125 clicks/s'],
])('%s', (_, state, text) => {
  expect(formatProgress(state)).toBe(text);
});
