import { randomUUID } from 'node:crypto';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { endSession, SESSION_VARIABLE } from '../src/session.ts';
import { processesWith } from './command-line.ts';

async function startSession(command: string): Promise<{ session: string; output: () => Promise<string[]> }> {
  const session = randomUUID();
  const shell = execa('/bin/sh', ['-c', command], {
    env: { [SESSION_VARIABLE]: session },
    stdin: 'ignore',
    reject: false,
  });
  await new Promise((resolve) => shell.stdout.once('data', resolve));
  return { session, output: async () => (await shell).stdout.split('\n') };
}

const REPORTING = `node -e '
  process.on("SIGTERM", () => { console.log("asked"); setTimeout(() => process.exit(), 200); });
  setInterval(() => {}, 1000); console.log("ready")'`;

test('asks a process once, however its launcher dies', async () => {
  // The shell dies of its SIGTERM at once and passes nothing on.
  const { session, output } = await startSession(`${REPORTING}; true`);
  await endSession(session, 5_000);
  expect(processesWith(`${SESSION_VARIABLE}=${session}`)).toEqual([]);
  expect(await output()).toEqual(['ready', 'asked']);
});

test('leaves it to a launcher that passes the request on', async () => {
  const { session, output } = await startSession(
    `cat <<'END' | node --input-type=commonjs -
const { spawn } = require("child_process");
const code = \`process.on("SIGTERM", () => { console.log("asked"); setTimeout(() => process.exit(), 200); });
setInterval(() => {}, 1000); console.log("ready")\`;
const child = spawn(process.execPath, ["-e", code], { stdio: "inherit" });
process.on("SIGTERM", () => child.kill("SIGTERM"));
END`,
  );
  await endSession(session, 5_000);
  expect(await output()).toEqual(['ready', 'asked']);
});

test('kills what does not listen, and what is stopped', async () => {
  const { session, output } = await startSession(
    `(trap '' TERM; echo deaf; while :; do sleep 5; done) & (kill -STOP $(sh -c 'echo $PPID'); sleep 60) & wait`,
  );
  const startedAt = performance.now();
  await endSession(session, 500);
  expect(performance.now() - startedAt).toBeLessThan(5_000);
  expect(processesWith(`${SESSION_VARIABLE}=${session}`)).toEqual([]);
  expect(await output()).toEqual(['deaf']);
});

test('has nothing to do for a session without processes', async () => {
  await expect(endSession(randomUUID(), 5_000)).resolves.toBeUndefined();
});
