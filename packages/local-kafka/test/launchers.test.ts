import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { findLaunchers } from '../src/launchers.ts';
import { temporaryFolder } from './command-line.ts';

/** Prints its own pid and waits, below the given chain of programs. */
const LEAF = `${process.execPath} -e 'console.log(process.pid); process.stdin.resume()'`;

async function launchersBelow(command: string): Promise<{ top: number; launchers: number[] }> {
  const top = execa('/bin/sh', ['-c', `${command}; true`], { reject: false });
  for await (const line of top) {
    const launchers = findLaunchers(Number(line)).map(({ pid }) => pid);
    top.stdin.end();
    return { top: top.pid ?? 0, launchers };
  }
  throw new Error('the leaf said nothing');
}

test('sees the package managers above, and the shells between them', async () => {
  const npx = join(temporaryFolder(), 'npx.js');
  const script = `import { spawn } from 'node:child_process';
    spawn('/bin/sh', ['-c', process.argv[2]], { stdio: 'inherit' });`;
  writeFileSync(npx, `#!/usr/bin/env node\n${script}`);
  chmodSync(npx, 0o755);
  const { top, launchers } = await launchersBelow(`${process.execPath} ${npx} "${LEAF}; true"`);
  // sh below npx, and npx; not the shell above, which may be a person's.
  expect(launchers).toHaveLength(2);
  expect(launchers).not.toContain(top);
});

test('sees none where a program was started by hand', async () => {
  expect((await launchersBelow(LEAF)).launchers).toEqual([]);
});
