import { PassThrough } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';
import { afterEach, expect, test, vi } from 'vitest';
import { ReadProgress } from '../../src/verify/read-progress.ts';
import { showReadProgress } from '../../src/verify/show-read-progress.ts';

afterEach(() => vi.useRealTimers());

function halfWay(): ReadProgress {
  const progress = new ReadProgress();
  progress.total = 200;
  progress.done = 100;
  return progress;
}

test('draws a bar on a terminal', async () => {
  const terminal = Object.assign(new PassThrough(), { isTTY: true, columns: 100 });
  const hide = showReadProgress(terminal, halfWay());
  let shown = '';
  for await (const text of terminal) {
    shown += stripVTControlCharacters(String(text));
    if (/█{12,13}░{12,13} 100 of 200 records/.test(shown)) break;
  }
  hide();
  expect(shown).toContain('100 of 200 records');
});

test('writes a line every five seconds elsewhere', () => {
  vi.useFakeTimers();
  const output = new PassThrough();
  const hide = showReadProgress(output, halfWay());
  vi.advanceTimersByTime(5_000);
  hide();
  vi.advanceTimersByTime(10_000);
  expect(String(output.read())).toBe('verifying: 100 of 200 records, 20 records/s\n');
});
