import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { commitResponseLost } from '../src/faults/commit-response-lost.ts';
import { compaction } from '../src/faults/compaction.ts';
import { produceHeldPastTakeOver } from '../src/faults/produce-held-past-take-over.ts';
import { runFault } from '../src/run-fault.ts';

/** Those that take little time; `pnpm test:faults` runs all. */
const FAST = [commitResponseLost, produceHeldPastTakeOver, compaction];

describe.concurrent('no click is lost or doubled when', () => {
  test.for(FAST)('$title', async (fault, { onTestFinished }) => {
    const folder = mkdtempSync(join(tmpdir(), 'clickstream-fault-'));
    const outcome = await runFault(fault, {
      seed: 1,
      rounds: 1,
      folder,
      sharedBroker: () => Promise.reject(new Error('each of these has its own broker')),
    });
    expect(outcome).toMatchObject({ lost: 0, doubled: 0 });
    expect(outcome.failure).toBeUndefined();
    expect(outcome.clicks).toBeGreaterThan(0);
    onTestFinished(() => rm(folder, { recursive: true }));
  });
});
