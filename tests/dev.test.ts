import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { createLogger, createRecordProducer } from '@clickstream/kafka-client';
import { findFreePort } from '@clickstream/local-kafka';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { pnpmCommand } from '../scripts/pnpm-command.ts';

const workspace = fileURLToPath(new URL('..', import.meta.url));
const USER = `dev-${randomUUID()}`;
const GONE_WITHIN_MS = 30_000;

let dataDir: string;
let port: number;
/** The root's `dev` script, with a port and a folder of its own. */
let script: string;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'clickstream-dev-'));
  port = await findFreePort();
  const root = JSON.parse(await readFile(join(workspace, 'package.json'), 'utf8')) as {
    scripts: { dev: string };
  };
  script = root.scripts.dev.replace(' dev -- ', ` dev --port ${port} --data-dir ${dataDir} -- `);
  expect(script).toContain(dataDir);
});

afterAll(async () => {
  await rm(dataDir, { recursive: true, force: true });
});

/** Starts `pnpm dev` as the leader of a process group, as a shell starts it in a terminal. */
function startDev() {
  const [executable, ...before] = pnpmCommand(process.env);
  const child = execa(executable, [...before, 'exec', 'sh', '-c', script], {
    cwd: workspace,
    detached: true,
    cleanup: false,
    reject: false,
    buffer: false,
    stdin: 'ignore',
    all: true,
    // As from a terminal: turbo tells its tasks that it runs them, and this test may be one of them.
    env: { KAFKA_BROKERS: '', TURBO_HASH: undefined },
  });
  const lines: string[] = [];
  const waiting: { text: string; found: () => void }[] = [];
  createInterface({ input: child.all }).on('line', (line) => {
    lines.push(line);
    for (const { text, found } of waiting) if (line.includes(text)) found();
  });
  const waitFor = async (text: string) => {
    if (lines.some((line) => line.includes(text))) return;
    const { promise, resolve } = Promise.withResolvers<undefined>();
    waiting.push({
      text,
      found: () => {
        resolve(undefined);
      },
    });
    const ended = child.then(() => {
      throw new Error(`dev ended before it printed "${text}":\n${lines.join('\n')}`);
    });
    await Promise.race([promise, ended]);
  };
  return { pid: child.pid ?? 0, lines, waitFor };
}

/** Processes that belong to this dev: they have its folder or its broker's address in their command or environment. */
async function processesOfDev(): Promise<string[]> {
  const { stdout } = await execa('ps', ['axeww', '-o', 'pid=,command=']);
  return stdout
    .split('\n')
    .filter((line) => line.includes(dataDir) || line.includes(`KAFKA_BROKERS=localhost:${port}`))
    .map((line) => line.slice(0, 200));
}

let clicked = 0;

async function clickOnce(): Promise<void> {
  const producer = await createRecordProducer(['user_clickstream'], {
    connection: { brokers: [`localhost:${port}`], clientId: 'test' },
    log: createLogger('test', { LOG_LEVEL: 'silent' }, false),
  });
  const value = Buffer.from(`User ${USER} clicked on /page1 at 1711111111.123`);
  await producer.send({ topic: 'user_clickstream', key: Buffer.from(USER), value });
  await producer.close();
  clicked++;
}

/** The process that holds dev's lock: the wrapper around the apps and the broker. */
async function wrapperPid(): Promise<number> {
  const lock = await readFile(join(dataDir, 'dev.lock'), 'utf8');
  return (JSON.parse(lock) as { pid: number }).pid;
}

const ends: [string, (devPid: number) => void | Promise<void>][] = [
  // A terminal sends it to the whole group: pnpm, the shell and dev itself.
  ['Ctrl-C', (devPid) => void process.kill(-devPid, 'SIGINT')],
  ['SIGTERM', (devPid) => void process.kill(devPid, 'SIGTERM')],
  ['the terminal closing', (devPid) => void process.kill(-devPid, 'SIGHUP')],
  ['kill -9 of the wrapper', async () => void process.kill(await wrapperPid(), 'SIGKILL')],
  ['kill -9 of pnpm', (devPid) => void process.kill(devPid, 'SIGKILL')],
];

test.for(ends.map(([name, end]) => ({ name, end })))(
  'dev runs all, counts on from where it was, and leaves nothing behind after $name',
  { timeout: 240_000 },
  async ({ end }) => {
    const dev = startDev();
    try {
      await dev.waitFor('ready: counting');
      await dev.waitFor('ready: following');
      await dev.waitFor('ready: dashboard at http://localhost:');
      await clickOnce();
      await dev.waitFor(`User ${USER} has clicked ${clicked} times.`);
      const untilFirstResult = dev.lines.slice(
        0,
        dev.lines.findIndex((line) => line.includes('has clicked')),
      );
      // Reports come once a second, so their number says how busy the machine is; so do npm's warnings of its set-up.
      const told = untilFirstResult.filter((line) => !/Message delivered|^npm warn/.test(line));
      expect(told.length, told.join('\n')).toBeLessThanOrEqual(15);

      await end(dev.pid);

      const limit = performance.now() + GONE_WITHIN_MS;
      while ((await processesOfDev()).length > 0 && performance.now() < limit) await delay(200);
      expect(await processesOfDev()).toEqual([]);
    } finally {
      for (const line of await processesOfDev()) {
        try {
          process.kill(Number.parseInt(line, 10), 'SIGKILL');
        } catch {
          // gone by itself
        }
      }
    }
  },
);
