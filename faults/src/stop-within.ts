import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import type { AppProcess } from '@clickstream/test-harness';

const STOP_LIMIT_MS = 10_000;

/** Tells an app to stop. @throws AssertionError unless it ends with 0 within 10 s */
export async function stopWithin(app: AppProcess, limitMs: number = STOP_LIMIT_MS): Promise<void> {
  app.kill('SIGTERM');
  const ended = await Promise.race([app.ended, delay(limitMs, undefined, { ref: false })]);
  assert(
    ended,
    `process ${app.pid} did not stop within ${limitMs / 1000} s of SIGTERM:\n${app.stderr.slice(-1_000)}`,
  );
  assert.equal(
    ended.exitCode,
    0,
    `process ${app.pid} ended with ${ended.signal ?? String(ended.exitCode)} on SIGTERM:\n${ended.stderr.slice(-1_000)}`,
  );
}
