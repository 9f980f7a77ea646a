import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { expect } from 'vitest';
import type { TestTopics } from './test-topics.ts';

const RESULTS_CONSUMER = fileURLToPath(new URL('../../results-consumer/src/main.ts', import.meta.url));

/** Lets `results-consumer verify` recount everything by its own code, as a person would. */
export async function expectVerified({ environment }: Pick<TestTopics, 'environment'>): Promise<void> {
  const { exitCode, stdout, stderr } = await execa(
    process.execPath,
    ['--conditions=@clickstream/source', RESULTS_CONSUMER, 'verify'],
    { cwd: tmpdir(), env: environment, reject: false },
  );
  expect(exitCode, `${stdout}\n${stderr}`).toBe(0);
}
