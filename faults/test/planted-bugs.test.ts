import { mkdtempSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startBroker } from '@clickstream/local-kafka';
import { describe, expect, test } from 'vitest';
import type { Fault } from '../src/fault.ts';
import { runFault } from '../src/run-fault.ts';
import { SAME_SEAT } from '../src/seats.ts';
import { PLANTED_BUGS } from './planted-bugs.ts';

/** So early that the batch of a backlog is not through, and so late that what is repeated was counted before. */
const COMMITS = [3, 150];

const killedAfterCommits: Fault = {
  name: 'killed-after-commits',
  title: '`kill -9` right after a commit',
  seconds: { round: 20, fixed: 5 },
  async run({ load, startAggregator, keepWriting, recover }) {
    await load.write(1_000);
    keepWriting(300);
    for (const count of COMMITS) {
      const crash = { at: 'after-commit', count } as const;
      await startAggregator({ crash, environment: SAME_SEAT }).ended;
    }
    await recover(startAggregator({ environment: SAME_SEAT }));
  },
};

const SEEN = {
  'a transaction in the middle of a batch commits the position after the batch': {
    lost: expect.toSatisfy((lost: number) => lost > 0) as number,
    doubled: 0,
  },
  'ids are not remembered over a restart': {
    lost: 0,
    doubled: expect.toSatisfy((doubled: number) => doubled > 0) as number,
  },
};

describe.concurrent('a fault finds it when', () => {
  test.for(PLANTED_BUGS)('$name', async ({ name }, { onTestFinished, expect }) => {
    const folder = mkdtempSync(join(tmpdir(), 'clickstream-fault-'));
    const broker = await startBroker({ heapMb: 256 });
    onTestFinished(broker.stop);
    const plant = new URL('plant-bug.ts', import.meta.url);
    plant.searchParams.set('bug', name);
    const outcome = await runFault(killedAfterCommits, {
      seed: 1,
      rounds: 1,
      folder,
      sharedBroker: () => Promise.resolve(broker),
      nodeOptions: ['--import', plant.href],
      patienceMs: 20_000,
    });
    expect(readFileSync(join(folder, 'process-1.log'), 'utf8')).toContain(`planted: ${name}`);
    expect(outcome, outcome.failure?.finding).toMatchObject(SEEN[name]);
    expect(outcome.failure?.finding).toMatch(/\d+ clicks are lost and \d+ counted twice/);
    onTestFinished(() => rm(folder, { recursive: true }));
  });
});
