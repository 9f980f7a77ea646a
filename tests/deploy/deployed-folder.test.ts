import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { installedPackages, problemsOfDeployedFolder } from '../../scripts/deployed-folder.ts';

const WORKSPACE = join(import.meta.dirname, '..', '..');
const VENDORED = 'node_modules/@clickstream/kafka-client/dist/vendor/kafkajs';
let folder: string;

/** What `pnpm deploy --prod` makes of an app that needs commander and kafka-client. */
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'clickstream-deployed-'));
  write(
    'package.json',
    '{"dependencies":{"@clickstream/kafka-client":"workspace:*","commander":"catalog:"}}',
  );
  write('dist/main.js', '');
  install('commander', 'commander@14.0.3');
  install('@clickstream/kafka-client', '@clickstream+kafka-client@file');
  write(`${VENDORED}/index.js`, 'module.exports = { clickstreamPatch: 1 };');
  write(`${VENDORED}/LICENSE`, '');
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

describe('problemsOfDeployedFolder', () => {
  it('finds none in a good one', () => {
    expect(problemsOfDeployedFolder(folder, WORKSPACE)).toEqual([]);
    expect(installedPackages(folder).sort()).toEqual(['@clickstream/kafka-client', 'commander']);
  });

  it.each([
    [
      'a package for development',
      () => {
        store('vitest', 'vitest@5.1.1');
      },
      'vitest is for development',
    ],
    [
      'an undeclared package',
      () => {
        install('left-pad', 'left-pad@1.3.0');
      },
      'but node_modules holds',
    ],
    [
      'sources',
      () => {
        write('src/main.ts', '');
      },
      'src is of no use',
    ],
    [
      'no program',
      () => {
        rmSync(join(folder, 'dist/main.js'));
      },
      'dist/main.js is missing',
    ],
    [
      'a link to the outside',
      () => {
        symlinkSync(WORKSPACE, join(folder, 'node_modules/.pnpm/away'));
      },
      'leads out',
    ],
    [
      'kafkajs as published',
      () => {
        write(`${VENDORED}/index.js`, 'module.exports = {};');
      },
      'not the patched one',
    ],
    [
      'kafkajs without its licence',
      () => {
        rmSync(join(folder, VENDORED, 'LICENSE'));
      },
      'licence of kafkajs is missing',
    ],
    [
      'no kafkajs',
      () => {
        rmSync(join(folder, VENDORED), { recursive: true });
      },
      'came without its kafkajs',
    ],
  ])('finds %s', (_, spoil, problem) => {
    spoil();
    expect(problemsOfDeployedFolder(folder, WORKSPACE)).toEqual([expect.stringContaining(problem)]);
  });
});

function write(path: string, content: string): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), content);
}

/** Into pnpm's virtual store. */
function store(name: string, entry: string): string {
  const path = join(folder, 'node_modules', '.pnpm', entry, 'node_modules', name);
  mkdirSync(path, { recursive: true });
  return path;
}

/** Into the store, and linked as a dependency of the app. */
function install(name: string, entry: string): void {
  const link = join(folder, 'node_modules', name);
  mkdirSync(dirname(link), { recursive: true });
  symlinkSync(store(name, entry), link);
}
