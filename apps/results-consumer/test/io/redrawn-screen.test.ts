import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { openRedrawnScreen } from '../../src/io/redrawn-screen.ts';

test('erases what was there before a line, and nothing of it', () => {
  const stdout = new PassThrough({ encoding: 'utf8' });
  const context = {
    ...{ args: [], environment: {}, signal: new AbortController().signal },
    ...{ stdin: new PassThrough(), stdout, stderr: new PassThrough() },
  };
  const screen = openRedrawnScreen(context, () => undefined);
  stdout.read();
  screen.draw(['first', 'second', 'third']);
  expect(stdout.read()).toBe('\u001b[H\u001b[Kfirst\r\n\u001b[Ksecond\r\n\u001b[Jthird');
  screen.close();
});
