import { cpSync, globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type * as Kafkajs from '#kafkajs';
import { applyPatch, parsePatch, reversePatch } from 'diff';

/** A copy of kafkajs with access to the modules inside. */
export interface KafkajsPackage {
  readonly kafkajs: typeof Kafkajs;
  /** Loads a file of the package, `src/consumer/batch` for example; the caller knows what it exports. */
  readonly load: (path: string) => unknown;
}

const require = createRequire(import.meta.url);
const INSTALLED = dirname(require.resolve('kafkajs/package.json'));
const PATCHES = join(import.meta.dirname, '..', '..', '..', '..', 'patches');

/** The kafkajs that the product uses. */
export const patched: KafkajsPackage = packageAt(INSTALLED);

/**
 * The published kafkajs: a copy of the installed one with `patches/kafkajs@….patch` undone, so that a test can show
 * what each change is good for. Throws if the patch is not exactly what the installed package carries.
 */
export const unpatched: KafkajsPackage = packageAt(undoPatch());

function packageAt(directory: string): KafkajsPackage {
  return {
    kafkajs: require(directory) as typeof Kafkajs,
    load: (path) => require(join(directory, path)) as unknown,
  };
}

function undoPatch(): string {
  const copy = mkdtempSync(join(tmpdir(), 'kafkajs-unpatched-'));
  // Modules are loaded lazily, so the copy is needed to the end.
  process.once('exit', () => {
    rmSync(copy, { recursive: true, force: true });
  });
  for (const part of ['package.json', 'index.js', 'src'])
    cpSync(join(INSTALLED, part), join(copy, part), { recursive: true, dereference: true });

  const [patchFile, ...others] = globSync('kafkajs@*.patch', { cwd: PATCHES });
  if (patchFile === undefined || others.length > 0)
    throw new Error(`expected one kafkajs patch in ${PATCHES}`);
  for (const change of reversePatch(parsePatch(readFileSync(join(PATCHES, patchFile), 'utf8')))) {
    const path = change.newFileName?.replace(/^[ab]\//, '') ?? '';
    if (path.startsWith('types/')) continue;
    const original = applyPatch(readFileSync(join(copy, path), 'utf8'), change);
    if (original === false)
      throw new Error(`${patchFile} is not what ${path} of the installed kafkajs carries`);
    writeFileSync(join(copy, path), original);
  }
  return copy;
}
