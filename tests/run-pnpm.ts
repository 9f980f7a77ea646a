import { execa } from 'execa';
import { pnpmCommand } from '../scripts/pnpm-command.ts';

/**
 * Runs the pnpm that runs the tests. Resolves to both outputs as one text.
 *
 * @throws ExecaError with all output unless the exit code is 0.
 */
export async function runPnpm(cwd: string, args: readonly string[]): Promise<string> {
  const [executable, ...before] = pnpmCommand(process.env);
  const { all } = await execa(executable, [...before, ...args], {
    cwd,
    all: true,
    // As from a terminal: turbo tells its tasks that it runs them, and these tests may be one of them.
    env: { TURBO_HASH: undefined },
  });
  return all;
}
