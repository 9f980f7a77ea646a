import assert from 'node:assert/strict';
import type { Broker } from '@clickstream/local-kafka';

/** What a JVM ends with that has shut down on SIGTERM. */
const SHUT_DOWN = 143;

/** Lets a broker shut down in whatever time it takes. @throws AssertionError when that is not how it has ended */
export async function endCleanly({ pid, exited }: Broker): Promise<void> {
  process.kill(pid, 'SIGTERM');
  assert.deepEqual(await exited, { code: SHUT_DOWN, signal: null }, 'the broker has not ended cleanly');
}
