import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const CHILD = join(import.meta.dirname, 'run-app-child.ts');

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'run-app-'));
  writeFileSync(join(folder, '.env'), 'FROM_FILE=file\nSET=file\n');
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** Runs one of the apps in run-app-child.ts. */
function run(...args: string[]) {
  return execa(process.execPath, ['--conditions=@clickstream/source', CHILD, ...args], {
    reject: false,
    cwd: folder,
    env: { SET: 'environment' },
    timeout: 25_000,
    forceKillAfterDelay: false,
  });
}

function ready(child: ReturnType<typeof run>): Promise<void> {
  return new Promise((resolve) => {
    child.stdout.once('data', () => {
      resolve();
    });
  });
}

describe('an app', () => {
  it.concurrent.each([0, 1, 3])('that returns %d ends with it', async (code) => {
    expect(await run('returns', String(code))).toMatchObject({ exitCode: code, stdout: '', stderr: '' });
  });

  it.concurrent('gets its arguments, and the environment with .env', async () => {
    const { stdout } = await run('tells', '--flag', 'value');
    expect(JSON.parse(stdout)).toEqual({
      args: ['tells', '--flag', 'value'],
      fromFile: 'file',
      set: 'environment',
    });
  });

  it.concurrent('that left something open ends all the same', async () => {
    expect(await run('lingers')).toMatchObject({ exitCode: 0, stderr: '' });
  });

  it('that is told to stop when it has ended is no failure', async () => {
    for (let afterMs = 0; afterMs < 12; afterMs++) {
      const child = run('endsWithMuchInMemory');
      await ready(child);
      await delay(afterMs);
      child.kill('SIGTERM');
      expect(await child).toMatchObject({ exitCode: 0, stdout: '300000' });
    }
  });

  it.concurrent.each([
    ['throws one of our errors', 'throwsOurs', 'cannot reach Kafka: start it'],
    ['leaves one of our errors to nobody', 'rejectsUnhandled', 'it stands still'],
  ])('that %s ends with its one line and 1', async (_, name, stderr) => {
    expect(await run(name)).toMatchObject({ exitCode: 1, stderr });
  });

  it.concurrent.each([
    ['throws', 'throwsOther', 'Error: a bug'],
    ['throws in a callback', 'throwsInCallback', 'Error: a bug in a callback'],
  ])('that %s anything else ends with the place and 1', async (_, name, text) => {
    const { exitCode, stderr } = await run(name);
    expect(exitCode).toBe(1);
    expect(stderr.split('\n')[0]).toBe(text);
    expect(stderr).toContain('run-app-child.ts');
  });
});

describe('a signal', () => {
  it.concurrent.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)(
    '%s stops the app, which ends with 0',
    async (signal) => {
      const child = run('stops');
      await ready(child);
      child.kill(signal);
      expect(await child).toMatchObject({ exitCode: 0, stdout: `ready\nstopped by ${signal}`, stderr: '' });
    },
  );

  it.concurrent('that comes several times at once counts as one', async () => {
    const child = run('stops');
    await ready(child);
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGINT'] as const) child.kill(signal);
    expect(await child).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining('stopped by') as unknown,
    });
  });

  it.concurrent('given again after a while ends an app that does not stop', async () => {
    const child = run('ignoresSignals');
    await ready(child);
    const startedAt = performance.now();
    const impatience = setInterval(() => child.kill('SIGINT'), 200);
    const { exitCode } = await child;
    clearInterval(impatience);
    expect(exitCode).toBe(1);
    expect(performance.now() - startedAt).toBeGreaterThan(1_000);
    expect(performance.now() - startedAt).toBeLessThan(6_000);
  });

  it.concurrent('ends by force an app that does not stop in time', async () => {
    const child = run('ignoresSignals');
    await ready(child);
    const startedAt = performance.now();
    child.kill('SIGTERM');
    expect(await child).toMatchObject({
      exitCode: 1,
      stderr: 'not stopped 8 s after SIGTERM: ending by force',
    });
    expect(performance.now() - startedAt).toBeGreaterThan(7_500);
  });
});

describe('an output that nobody reads any more', () => {
  it.concurrent('stops the app quietly, and a signal on top of it does no harm', async () => {
    const child = run('writes');
    child.stdout.once('data', () => child.stdout.destroy());
    for await (const line of child.iterable({ from: 'stderr' }))
      if (line === 'stopping') child.kill('SIGTERM');
    expect(await child).toMatchObject({ exitCode: 0, stderr: 'stopping' });
  });
});
