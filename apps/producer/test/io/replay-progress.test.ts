import { PassThrough } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';
import { afterEach, expect, test, vi } from 'vitest';
import { formatMalformedLine, showReplayProgress } from '../../src/io/replay-progress.ts';

const state = { clicks: 500, malformed: 0, bytesDone: 50, totalBytes: 100, elapsedMs: 4_000 };

afterEach(() => vi.useRealTimers());

test('draws a bar with rate and ETA on a terminal, and notes above it', () => {
  const terminal = Object.assign(new PassThrough(), { isTTY: true, columns: 100 });
  const now = { ...state };
  const progress = showReplayProgress(terminal, () => now);
  progress.note('line 3 is no click');
  now.bytesDone = 100;
  progress.stop();
  const shown = stripVTControlCharacters(String(terminal.read()));
  expect(shown).toContain('line 3 is no click\n');
  expect(shown).toMatch(/█{25} 100 %, 500 clicks, 125 clicks\/s/);
});

test.each([
  ['a file', state, 'replayed 50 %, 500 clicks, 125 clicks/s, ETA 4 s\n'],
  ['a pipe', { ...state, totalBytes: undefined }, 'replayed 500 clicks, 125 clicks/s\n'],
])('writes a plain line every five seconds elsewhere, for %s', (_, now, line) => {
  vi.useFakeTimers();
  const output = new PassThrough();
  const progress = showReplayProgress(output, () => now);
  vi.advanceTimersByTime(10_000);
  progress.stop();
  vi.advanceTimersByTime(10_000);
  expect(String(output.read())).toBe(line.repeat(2));
});

test('shows the beginning of a malformed line, made safe for a terminal', () => {
  expect(formatMalformedLine(7, 'empty', Buffer.from('\u001b[2Jhello'))).toBe(
    'line 7 is no click: empty: "\\x1b[2Jhello"',
  );
  expect(formatMalformedLine(8, 'long', Buffer.alloc(200, 'x'))).toBe(
    `line 8 is no click: long: "${'x'.repeat(80)}…"`,
  );
});
