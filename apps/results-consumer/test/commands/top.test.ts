import { PassThrough } from 'node:stream';
import { describe, expect, inject, test } from 'vitest';
import { app } from '../../src/app.ts';
import { runInProcess } from '../run-in-process.ts';
import { createTestTopics } from '../test-topics.ts';

const brokers = inject('kafkaBrokers');

// eslint-disable-next-line no-control-regex -- colours are taken off
const withoutColours = (text: string) => text.replaceAll(/\u001b\[\d+m/g, '');

/** A terminal in the hands of a test. */
function createTerminal() {
  const stdin = Object.assign(new PassThrough(), {
    isTTY: true,
    isRaw: false,
    setRawMode(isRaw: boolean) {
      stdin.isRaw = isRaw;
    },
  });
  const stdout = Object.assign(new PassThrough(), { isTTY: true, columns: 80, rows: 24 });
  let screen = '';
  stdout.setEncoding('utf8').on('data', (text: string) => {
    screen += text;
  });
  return { stdin, stdout, screen: () => screen };
}

describe('top', () => {
  test('prints once where there is no terminal', async () => {
    const topics = await createTestTopics(brokers, { partitions: 2 });
    await topics.write(topics.total('often', 12_345), topics.total('\u202egnp', 2));
    await topics.write(topics.letter({ reason: 'late', partition: 1 }));
    const { exitCode, stdout } = await runInProcess(['top'], topics.environment);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^12,347 clicks · 2 users/);
    expect(stdout).toContain('lag 0 clicks, 0 s · latency not measured · 1 dead letter · no books yet');
    expect(stdout).toMatch(/^often +12,345 +\d+ d ago \/page3$/m);
    expect(stdout).toMatch(/^\\u202egnp +2 /m);
    // eslint-disable-next-line no-control-regex -- escapes are what must not be there
    expect(stdout).not.toMatch(/[\u001b\u202e]/);
  });

  test('prints one JSON object with --json', async () => {
    const topics = await createTestTopics(brokers, { partitions: 1 });
    await topics.write(topics.total('\u202egnp', 2));
    const { exitCode, stdout } = await runInProcess(['top', '--json'], topics.environment);
    expect(exitCode).toBe(0);
    expect(stdout).toContain('\\u202egnp');
    expect(JSON.parse(stdout)).toMatchObject({
      overview: { totalClicks: 2, ready: true },
      users: [{ userId: '\u202egnp', clicks: 2 }],
    });
  });

  test.each(['q', '\u0003'])('draws on a terminal until %j, and gives it back as it was', async (key) => {
    const topics = await createTestTopics(brokers, { partitions: 1 });
    await topics.write(topics.total('first', 1));
    const terminal = createTerminal();
    const { stdin, stdout, screen } = terminal;
    const controller = new AbortController();
    const stderr = new PassThrough().resume();
    const { environment } = topics;
    const ended = app({ args: ['top'], environment, stdin, stdout, stderr, signal: controller.signal });
    await expect.poll(() => withoutColours(screen()), { timeout: 60_000 }).toMatch(/first +1 /);
    expect(stdin.isRaw).toBe(true);
    await topics.write(topics.total('first', 2));
    await expect.poll(() => withoutColours(screen()), { timeout: 60_000 }).toMatch(/first +2 /);
    stdin.write(key);
    expect(await ended).toBe(0);
    expect(stdin.isRaw).toBe(false);
    expect(screen().startsWith('\u001b[?1049h\u001b[?25l')).toBe(true);
    expect(screen().endsWith('\u001b[?25h\u001b[?1049l')).toBe(true);
  });
});

describe('follow and clicks on a terminal', () => {
  test('are aligned', async () => {
    const topics = await createTestTopics(brokers, { partitions: 1 });
    await topics.write(topics.total('a-long-user', 1), topics.total('b', 22));
    await topics.write(
      topics.click('User a-long-user clicked on /page1/and/more at 1'),
      topics.click('User b clicked on /on at 2'),
    );
    const show = async (args: string[]) => {
      const terminal = createTerminal();
      const controller = new AbortController();
      const stderr = new PassThrough().resume();
      const { environment } = topics;
      const { signal } = controller;
      const ended = app({ args, environment, ...terminal, stderr, signal });
      await expect.poll(() => terminal.screen().split('\n').length, { timeout: 60_000 }).toBe(3);
      controller.abort();
      await ended;
      return withoutColours(terminal.screen());
    };
    expect(await show(['follow', '--last', '2'])).toBe(
      'User a-long-user has clicked 1 times.\nUser b           has clicked 22 times.\n',
    );
    expect(await show(['clicks', '--last', '2'])).toBe(
      'User a-long-user clicked on /page1/and/more at 1.000\nUser b           clicked on /on             at 2.000\n',
    );
  });
});
