import { expect, test } from 'vitest';
import { runInProcess } from '../run-in-process.ts';

test.each(['follow', 'clicks', 'top', 'serve', 'dead-letters'])(
  '%s --help names its exit codes',
  async (command) => {
    const { exitCode, stdout } = await runInProcess([command, '--help']);
    expect(exitCode).toBe(0);
    const [, ...said] = stdout.split(/exit\s+code/i);
    expect(said.join('')).toMatch(/\b0\b[^]*\b1\b/);
    expect(stdout).toMatch(/^Examples:$/m);
  },
);
