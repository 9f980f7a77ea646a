import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { acquireLock } from '../src/lock-file.ts';
import { identifyProcess } from '../src/process-table.ts';
import { temporaryFolder } from './command-line.ts';

test('is held until released', () => {
  const path = join(temporaryFolder(), 'nested', 'a.lock');
  const lock = acquireLock(path);
  expect(lock).toMatchObject({ acquired: true, wasStale: false });
  expect(acquireLock(path)).toEqual({ acquired: false, owner: identifyProcess(process.pid) });
  if (lock.acquired) lock.release();
  expect(acquireLock(path).acquired).toBe(true);
});

test.each([
  ['a process that is gone', { pid: 2 ** 22 + 1, startTime: 'x' }],
  ['another process that got the same pid', { pid: process.pid, startTime: 'long ago' }],
])('is taken over from %s', (_, owner) => {
  const folder = temporaryFolder();
  const path = join(folder, 'a.lock');
  writeFileSync(path, JSON.stringify(owner));
  expect(acquireLock(path)).toMatchObject({ acquired: true, wasStale: true });
  expect(readdirSync(folder)).toEqual(['a.lock']);
});

test('is taken over if it holds no owner at all', () => {
  const path = join(temporaryFolder(), 'a.lock');
  writeFileSync(path, '');
  expect(acquireLock(path)).toMatchObject({ acquired: true, wasStale: true });
});

test('goes to one of many processes that find it stale at the same time', async () => {
  const path = join(temporaryFolder(), 'a.lock');
  writeFileSync(path, '{}');
  const source = join(import.meta.dirname, '..', 'src', 'lock-file.ts');
  // The winner keeps its lock until the parent closes its input, so that it is no stale lock to the others.
  const script = `const { acquireLock } = await import(${JSON.stringify(source)});
    console.log(acquireLock(${JSON.stringify(path)}).acquired); process.stdin.resume();`;
  const contenders = Array.from({ length: 4 }, () =>
    execa(process.execPath, ['--input-type=module', '--eval', script]),
  );
  const outcomes = await Promise.all(
    contenders.map(({ stdout }) => new Promise<Buffer>((resolve) => stdout.once('data', resolve))),
  );
  expect(outcomes.map((outcome) => outcome.toString().trim()).toSorted()).toEqual([
    'false',
    'false',
    'false',
    'true',
  ]);
  for (const contender of contenders) contender.stdin.end();
  await Promise.all(contenders);
  expect(existsSync(path)).toBe(true);
});

test('tells where it cannot be', () => {
  const file = join(temporaryFolder(), 'file');
  writeFileSync(file, '');
  expect(() => acquireLock(join(file, 'a.lock'))).toThrow(
    expect.objectContaining({ code: 'CLICKSTREAM_LOCAL_KAFKA_DATA_DIR_UNWRITABLE' }),
  );
});
