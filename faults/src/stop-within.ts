import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import type { AppProcess } from '@clickstream/test-harness';

const STOP_LIMIT_MS = 10_000;

/**
 * Tells an app to stop.
 *
 * @param exitCodes that it may end with; 0 unless told otherwise.
 * @throws AssertionError unless it ends with one of them within 10 s
 */
export async function stopWithin(app: AppProcess, exitCodes: readonly number[] = [0]): Promise<void> {
  app.kill('SIGTERM');
  const ended = await Promise.race([app.ended, delay(STOP_LIMIT_MS, undefined, { ref: false })]);
  assert(
    ended,
    `process ${app.pid} did not stop within ${STOP_LIMIT_MS / 1000} s of SIGTERM:\n${app.stderr.slice(-1_000)}`,
  );
  assert(
    exitCodes.includes(ended.exitCode ?? NaN),
    `process ${app.pid} ended with ${ended.signal ?? String(ended.exitCode)} on SIGTERM:\n${ended.stderr.slice(-1_000)}`,
  );
}
