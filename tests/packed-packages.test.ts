import { randomUUID } from 'node:crypto';
import { cpSync, globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { parse } from 'yaml';
import { runPnpm } from './run-pnpm.ts';

const ROOT = join(import.meta.dirname, '..');
const PACKAGES = ['schema', 'kafka-client'] as const;
const brokers = inject('kafkaBrokers');

/** An empty project outside the workspace, to which the two packages came as tarballs through npm. */
const project = mkdtempSync(join(tmpdir(), 'clickstream-project-'));
const installed = (name: string) => join(project, 'node_modules', '@clickstream', name);

beforeAll(async () => {
  // Not through turbo, which runs this test and has hung when it was run again in here.
  for (const name of PACKAGES) {
    await runPnpm(join(ROOT, 'packages', name), ['run', 'build']);
    await runPnpm(join(ROOT, 'packages', name), ['pack', '--pack-destination', project]);
  }
  const tarballs = globSync('*.tgz', { cwd: project });
  expect(tarballs).toHaveLength(PACKAGES.length);

  const { catalog } = parse(readFileSync(join(ROOT, 'pnpm-workspace.yaml'), 'utf8')) as {
    catalog: Record<string, string>;
  };
  const version = (name: string) => catalog[name] ?? '';
  writeJson('package.json', {
    name: 'somebody-elses-project',
    private: true,
    type: 'module',
    dependencies: {
      ...Object.fromEntries(
        PACKAGES.map((name) => [`@clickstream/${name}`, `file:${tarballOf(name, tarballs)}`]),
      ),
      zod: version('zod'),
    },
    // kafkajs as it is published, for comparison.
    devDependencies: { '@types/node': version('@types/node'), kafkajs: version('kafkajs') },
  });
  // A registry that does not answer is asked again: npm itself would wait for five minutes.
  const patience = [
    '--fetch-timeout=20000',
    '--fetch-retries=5',
    '--fetch-retry-mintimeout=1000',
    '--fetch-retry-maxtimeout=5000',
  ];
  await execa('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', ...patience], {
    cwd: project,
  });
  cpSync(join(import.meta.dirname, 'packed-project'), project, { recursive: true });
  for (const file of ['kafka-proxy.ts', 'kafka-frames.ts'])
    cpSync(join(ROOT, 'packages/local-kafka/src', file), join(project, file));
}, 300_000);
afterAll(() => {
  rmSync(project, { recursive: true, force: true });
});

describe.each(PACKAGES)('the tarball of %s', (name) => {
  it('has what is imported, its licence, and nothing else', () => {
    expect(globSync('*', { cwd: installed(name) })).toEqual(
      expect.arrayContaining(['LICENSE', 'README.md', 'dist', 'package.json']),
    );
    expect(globSync('{src,test,scripts,*.ts,tsconfig*}', { cwd: installed(name) })).toEqual([]);
    expect(globSync('dist/index.{js,d.ts}', { cwd: installed(name) })).toHaveLength(2);
  });

  it('asks for nothing that only this workspace has', () => {
    const manifest = readFileSync(join(installed(name), 'package.json'), 'utf8');
    const { dependencies } = JSON.parse(manifest) as { dependencies: Record<string, string> };
    expect(Object.values(dependencies)).not.toEqual([]);
    expect(manifest).not.toMatch(/"(workspace|catalog|link|file|patch):/);
  });
});

describe('a project outside the workspace', () => {
  it('uses both packages from TypeScript, with types that need no leniency', async () => {
    writeJson('tsconfig.json', {
      compilerOptions: {
        target: 'es2024',
        lib: ['es2024'],
        module: 'nodenext',
        types: ['node'],
        strict: true,
        exactOptionalPropertyTypes: true,
        noUncheckedIndexedAccess: true,
        skipLibCheck: false,
        outDir: 'compiled',
      },
      files: ['from-typescript.ts'],
    });
    const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
    const { exitCode, stdout } = await execa(process.execPath, [tsc], { cwd: project, reject: false });
    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: '' });

    const { clicks, ...outcome } = await run('compiled/from-typescript.js');
    expect(clicks).toHaveLength(3);
    expect(outcome).toEqual({
      partitions: 2,
      read: expect.toSatisfy((read: { status: string; value: { eventId: string } }[]) => {
        expect(read.every(({ status }) => status === 'decoded')).toBe(true);
        const values = read.map(({ value }) => value);
        expect(values.toSorted((a, b) => a.eventId.localeCompare(b.eventId))).toEqual(clicks);
        return true;
      }) as unknown,
      latencies: ['number', 'number', 'number'],
    });
  });

  it('uses both packages from JavaScript', async () => {
    expect(await run('from-javascript.js')).toEqual({
      sentence: 'User 42 clicked on /page3 at 1711111111.123',
      read: { status: 'decoded', value: { userId: '42', url: '/page3', timestamp: 1_711_111_111_123 } },
    });
  });

  it('gets the patched kafkajs and its licence: no acknowledged record is lost', async () => {
    const vendored = join(installed('kafka-client'), 'dist', 'vendor', 'kafkajs');
    expect(readFileSync(join(vendored, 'LICENSE'), 'utf8')).toContain('Túlio Ornelas');
    const patched = await run('concurrent-sends.js', { KAFKAJS: vendored });
    expect(patched).toEqual({ acknowledged: 2, log: ['A', 'B'] });
  });

  it('would lose one with kafkajs as it is published', async () => {
    const published = await run('concurrent-sends.js', { KAFKAJS: 'kafkajs' });
    expect(published).toEqual({ acknowledged: 2, log: ['B', 'B'] });
  });
});

/** Runs a script of the project on a topic of its own. */
async function run(script: string, environment: Readonly<Record<string, string>> = {}) {
  const { stdout } = await execa(process.execPath, [script], {
    cwd: project,
    extendEnv: false,
    env: { KAFKA_BROKERS: brokers, CLICKSTREAM_TOPIC: `packed-${randomUUID()}`, ...environment },
  });
  return JSON.parse(stdout) as Record<string, unknown>;
}

function tarballOf(name: string, tarballs: readonly string[]): string {
  return tarballs.find((file) => file.startsWith(`clickstream-${name}-`)) ?? '';
}

function writeJson(file: string, content: unknown): void {
  writeFileSync(join(project, file), JSON.stringify(content));
}
