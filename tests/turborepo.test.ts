import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DEPLOYED_APPS } from '../scripts/deploy-steps.ts';
import { runPnpm } from './run-pnpm.ts';

/** A fresh clone with dependencies installed and nothing built. */
const clone = mkdtempSync(join(tmpdir(), 'clickstream-clone-'));
const MADE_HERE = new Set(['.git', '.kafka', '.turbo', 'dist', 'node_modules', 'test-results']);

beforeAll(async () => {
  cpSync(join(import.meta.dirname, '..'), clone, {
    recursive: true,
    filter: (source) => !MADE_HERE.has(basename(source)),
  });
  // Without git, turbo takes what it builds for a source.
  await execa('git', ['init', '--quiet'], { cwd: clone });
  await execa('git', ['add', '--all'], { cwd: clone });
  await runPnpm(clone, ['install', '--frozen-lockfile', '--prefer-offline']);
}, 120_000);
afterAll(() => {
  rmSync(clone, { recursive: true, force: true });
});

describe('turborepo', () => {
  it('builds an app alone, with the packages that it needs and no other app', async () => {
    await runPnpm(clone, ['--filter', '@clickstream/aggregator', 'build']);
    const built = ['apps/aggregator', 'packages/schema', 'packages/kafka-client'];
    for (const folder of built) expect(existsSync(join(clone, folder, 'dist')), folder).toBe(true);
    for (const app of ['producer', 'results-consumer'])
      expect(existsSync(join(clone, 'apps', app, 'dist')), app).toBe(false);
  }, 120_000);

  it('starts an app alone, building it first', async () => {
    const output = await runPnpm(clone, ['--filter', '@clickstream/producer', 'start', '--help']);
    expect(output).toMatch(/usage: producer/i);
    expect(existsSync(join(clone, 'apps/producer/dist/main.js'))).toBe(true);
  }, 120_000);

  it('finds everything in its cache the second time', async () => {
    await runPnpm(clone, ['build']);
    const [, cached, total] =
      /Cached:\s+(\d+) cached, (\d+) total/.exec(await runPnpm(clone, ['build'])) ?? [];
    expect(Number(total)).toBeGreaterThanOrEqual(6);
    expect(cached).toBe(total);
  }, 120_000);

  it.each(DEPLOYED_APPS)('rebuilds no other app when %s is edited', async (app) => {
    await whileEdited(`apps/${app}/src/main.ts`, async () => {
      expect(await wouldBuild()).toEqual([`@clickstream/${app}`]);
    });
  });

  it('rebuilds nothing when a test is edited', async () => {
    await whileEdited('packages/kafka-client/test/placement.test.ts', async () => {
      expect(await wouldBuild()).toEqual([]);
    });
  });

  it('rebuilds all that depends on a package when that is edited', async () => {
    const apps = DEPLOYED_APPS.map((app) => `@clickstream/${app}`);
    await whileEdited('packages/schema/src/index.ts', async () => {
      expect(await wouldBuild()).toEqual([...apps, '@clickstream/schema'].sort());
    });
  });
});

/** The packages whose build is not in the cache. */
async function wouldBuild(): Promise<string[]> {
  const turbo = join(clone, 'node_modules', '.bin', 'turbo');
  const { stdout } = await execa(turbo, ['run', 'build', '--dry=json'], { cwd: clone });
  const { tasks } = JSON.parse(stdout) as {
    tasks: { package: string; command: string; cache: { status: 'HIT' | 'MISS' } }[];
  };
  return tasks
    .filter(({ command, cache }) => command !== '<NONEXISTENT>' && cache.status === 'MISS')
    .map((task) => task.package)
    .sort();
}

async function whileEdited(file: string, look: () => Promise<void>): Promise<void> {
  const path = join(clone, file);
  const original = readFileSync(path);
  appendFileSync(path, '\n// edited\n');
  try {
    await look();
  } finally {
    writeFileSync(path, original);
  }
}
