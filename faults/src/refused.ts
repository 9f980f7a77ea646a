import assert from 'node:assert/strict';
import type { AppProcess } from '@clickstream/test-harness';

/** Waits for an app to refuse. @throws AssertionError unless it ends with 1 and a last line that says this */
export async function refused(app: AppProcess, why: RegExp): Promise<void> {
  const { exitCode, stderr } = await app.ended;
  assert.equal(exitCode, 1, `process ${app.pid} did not refuse:\n${stderr.slice(-2_000)}`);
  assert.match(stderr.trim().split('\n').at(-1) ?? '', why);
}
