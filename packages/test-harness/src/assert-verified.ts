import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import type { TestTopics } from './test-topics.ts';

const RESULTS_CONSUMER = fileURLToPath(
  new URL('../../../apps/results-consumer/src/main.ts', import.meta.url),
);

/**
 * Lets `results-consumer verify` recount everything by its own code, as a person would.
 *
 * @param args further arguments, such as `--manifest FILE`.
 * @throws Error with what it said, unless it passes.
 */
export async function assertVerified(
  { environment }: Pick<TestTopics, 'environment'>,
  args: readonly string[] = [],
): Promise<void> {
  const { exitCode, stdout, stderr } = await execa(
    process.execPath,
    ['--conditions=@clickstream/source', RESULTS_CONSUMER, 'verify', ...args],
    { cwd: tmpdir(), env: environment, reject: false },
  );
  if (exitCode !== 0) throw new Error(`verify ended with ${exitCode ?? 'a signal'}:\n${stdout}\n${stderr}`);
}
