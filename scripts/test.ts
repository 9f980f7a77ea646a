import { globSync, readFileSync, rmSync } from 'node:fs';
import { relative } from 'node:path';
import { execaNode } from 'execa';

/**
 * `pnpm test`: every package's tests through turbo, then what failed, once more and together, since the output of packages
 * runs side by side; then one line over all of them, `N passed, N failed`. Fails when a test failed, when one was
 * skipped, and when a package with tests ran none.
 */
const resultFiles = '{apps,packages}/*/test-results/results.json';
const rootResultFiles = '{faults,tests}/test-results/results.json';

interface Results {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  readonly success: boolean;
  readonly testResults: readonly {
    readonly name: string;
    /** Of the file, when it does not load or a hook of it fails. */
    readonly message: string;
    readonly assertionResults: readonly {
      readonly fullName: string;
      readonly status: string;
      readonly failureMessages: readonly string[];
    }[];
  }[];
}

/** Enough of a message to see what differs, without its stack. */
const MESSAGE_LINES = 12;

for (const file of [...globSync(resultFiles), ...globSync(rootResultFiles)]) rmSync(file, { force: true });

const turbo = await execaNode(
  'node_modules/turbo/bin/turbo',
  ['run', 'test', '--continue', '--concurrency=2', ...process.argv.slice(2)],
  {
    stdio: 'inherit',
    reject: false,
  },
);

const results = [...globSync(resultFiles), ...globSync(rootResultFiles)].map(
  (file) => JSON.parse(readFileSync(file, 'utf8')) as Results,
);
const sum = (count: (result: Results) => number) =>
  results.reduce((total, result) => total + count(result), 0);
const passed = sum(({ numPassedTests }) => numPassedTests);
// A file that does not load has no failed test, but is a failure.
const failed = sum((result) => Math.max(result.numFailedTests, result.success ? 0 : 1));
const skipped = sum(({ numPendingTests, numTodoTests }) => numPendingTests + numTodoTests);
for (const { testResults } of results)
  for (const { name, message, assertionResults } of testResults) {
    const file = relative('.', name);
    if (message !== '') console.log(`failed: ${file}\n${inShort(message)}`);
    for (const { fullName, status, failureMessages } of assertionResults)
      if (status === 'failed')
        console.log(`failed: ${file}: ${fullName}\n${inShort(failureMessages.join('\n'))}`);
  }
console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
if (turbo.exitCode !== 0 || failed > 0 || skipped > 0 || passed === 0) process.exitCode = 1;

function inShort(message: string): string {
  const lines = message.split('\n').filter((line) => !/^\s+at /.test(line));
  return lines
    .slice(0, MESSAGE_LINES)
    .map((line) => `  ${line}`)
    .join('\n');
}
