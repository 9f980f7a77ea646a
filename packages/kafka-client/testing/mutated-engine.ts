import { mkdir, readFile, writeFile } from 'node:fs/promises';
import type { runInstance } from '../src/task-processor.ts';

const FILES = ['restore-task.ts', 'stream-task.ts', 'task-processor.ts'] as const;

/** A change of the engine's source: `from` has to stand there exactly once. */
export interface Mutation {
  readonly file: (typeof FILES)[number];
  readonly from: string;
  readonly to: string;
}

/**
 * The engine with changes of its source, so that the source itself needs no switches for its tests.
 *
 * @throws Error when a text to be changed is not there any more: then the change has to be thought over.
 */
export async function mutatedEngine(
  name: string,
  mutations: readonly Mutation[],
): Promise<{ readonly runInstance: typeof runInstance }> {
  const directory = new URL(`../test-results/planted/${process.pid}-${name}/`, import.meta.url);
  await mkdir(directory, { recursive: true });
  for (const file of FILES) {
    let source = await readFile(new URL(`../src/${file}`, import.meta.url), 'utf8');
    for (const mutation of mutations) {
      if (mutation.file !== file) continue;
      const parts = source.split(mutation.from);
      if (parts.length !== 2)
        throw new Error(
          `planting "${name}": ${file} has ${parts.length - 1} times what is to be changed:\n${mutation.from}`,
        );
      source = parts.join(mutation.to);
    }
    // Everything but these files is the engine's own, so that errors are of the same classes.
    source = source.replaceAll(/from '\.\/([\w-]+\.ts)'/g, (whole, imported: string) =>
      FILES.some((one) => one === imported) ? whole : `from '../../../src/${imported}'`,
    );
    await writeFile(new URL(file, directory), source);
  }
  const entry = new URL('task-processor.ts', directory).pathname;
  return (await import(/* @vite-ignore */ entry)) as { runInstance: typeof runInstance };
}
