import { PassThrough } from 'node:stream';
import { afterEach, expect, test, vi } from 'vitest';
import { createTerminalStyle } from '../../src/io/terminal-style.ts';

afterEach(() => {
  vi.unstubAllEnvs();
});

/** As a `tty.WriteStream`, which looks at `NO_COLOR` when it is asked for its colours. */
function terminal() {
  return Object.assign(new PassThrough(), {
    isTTY: true,
    getColorDepth: () => (process.env['NO_COLOR'] ? 1 : 8),
  });
}

/** Vitest and CI set these. */
function withoutColourSettings() {
  for (const name of ['FORCE_COLOR', 'NO_COLOR', 'NODE_DISABLE_COLORS']) vi.stubEnv(name, undefined);
}

test('sets off on a terminal', () => {
  withoutColourSettings();
  const style = createTerminalStyle(terminal());
  expect(style.strong('42')).toBe('\u001b[1m42\u001b[22m');
  expect(style.subject('42')).toBe('\u001b[36m42\u001b[39m');
  expect(style.warning('42')).toBe('\u001b[33m42\u001b[39m');
  expect(style.faint('42')).toBe('\u001b[2m42\u001b[22m');
});

test('leaves text alone elsewhere', () => {
  withoutColourSettings();
  const style = createTerminalStyle(new PassThrough());
  expect(style.strong('4') + style.subject('2') + style.warning('1') + style.faint('7')).toBe('4217');
});

test('leaves text alone on a terminal when NO_COLOR is set', () => {
  withoutColourSettings();
  vi.stubEnv('NO_COLOR', '1');
  const style = createTerminalStyle(terminal());
  expect(style.strong('4') + style.subject('2') + style.warning('1') + style.faint('7')).toBe('4217');
});

test('sets off anywhere when FORCE_COLOR is set', () => {
  withoutColourSettings();
  vi.stubEnv('FORCE_COLOR', '1');
  const style = createTerminalStyle(
    Object.assign(new PassThrough(), { isTTY: false, getColorDepth: () => 4 }),
  );
  expect(style.strong('42')).toBe('\u001b[1m42\u001b[22m');
});
