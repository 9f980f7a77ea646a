import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { runInstance } from '../src/task-processor.ts';
import type { Covered } from '../testing/coverage.ts';
import { slowness } from '../testing/machine-speed.ts';
import { report } from '../testing/report.ts';
import { runSchedule } from '../testing/run-schedule.ts';
import { search } from '../testing/search.ts';

/** One schedule to run again, as a failure names it. */
const SEED = process.env['SIMULATION_SEED'];
const SCHEDULES = Number(process.env['SIMULATION_SCHEDULES'] ?? 5_000);
/** Of a machine that does twenty other things, of which the test is only to end. */
const HANG_MS = 900_000;
const THREADS = 2;
/**
 * What 5,000 schedules may take with a core for each thread, ms; on a quiet machine about half of it. How long they take by
 * the clock is for others to say: 20 busy processes on two cores make ten minutes of one. So it is the threads' CPU time
 * that is held to it, which is at least the time by the clock where nobody else is at work, as it has that of collecting
 * garbage and of compiling in it.
 */
const MOST_MS = 60_000;
/** A core that is slow, or shared with another thread, is given more, but no more than this many times as much. */
const MOST_SLOWNESS = 3;

/** Least times in 1,000 schedules, about a third of what there is: a search that misses these proves little. */
const LEAST_PER_THOUSAND: Partial<Record<Covered, number>> = {
  'records written': 15_000,
  'aborted input records': 700,
  'transactions committed': 10_000,
  'commits with unknown outcome, applied': 20,
  'commits with unknown outcome, not applied': 25,
  'requests applied after the client gave up': 300,
  'zombie requests refused': 60,
  'writes repeated and recognised': 70,
  'transactions aborted by a fence': 200,
  'transactions timed out': 30,
  'transactions ended without all their markers': 50,
  'commits decided when fenced': 40,
  'producer ids used up': 30,
  'fetches with aborted records between committed ones': 25,
  'forwards committed': 2_000,
  'misrouted records': 30,
  'restores with a checkpoint': 1_000,
  rebalances: 800,
  'sessions expired': 150,
  'static members replaced': 100,
  'seats lost': 15,
  'processes killed': 150,
  'processes killed with an open transaction': 50,
  'processes stopped and started': 120,
  pauses: 150,
  'pauses past the session': 50,
  outages: 200,
  purges: 450,
  compactions: 200,
  'idle fetches': 13_000,
  'ticks that closed windows': 1_100,
  'windows closed by ticks': 1_200,
  'transactions that close what was left over': 500,
  'checkpoints with a stream time of idle time': 1_600,
  'clicks rebuilt from': 3_500,
  'partial rebuilds': 12,
  'windows with inexact users': 100,
  duplicates: 500,
  'late clicks': 1_500,
  'clicks that missed some windows': 300,
  'window results deleted': 40,
  'sessions closed': 1_000,
  'sessions absorbed or moved': 200,
  'clicks in no session': 1_000,
};

function seconds(ms: number): string {
  return (ms / 1_000).toFixed(0);
}

describe('the engine over a model of the broker', () => {
  test(
    SEED === undefined
      ? `does not count wrongly in any of ${SCHEDULES} schedules`
      : `does not count wrongly with seed ${SEED}`,
    { timeout: HANG_MS },
    async () => {
      if (SEED !== undefined) {
        const result = await runSchedule(Number(SEED), { runInstance }, true);
        expect(result.violation, report(result)).toBeUndefined();
        return;
      }
      const startedAt = performance.now();
      const slownessBefore = slowness();
      const { failure, coverage, cpuMs } = await search(SCHEDULES, THREADS);
      if (failure !== undefined) expect.fail(failure);
      const slow = Math.max(slownessBefore, slowness());
      const perThreadMs = cpuMs / THREADS;
      process.stderr.write(
        `simulation: ${SCHEDULES} schedules in ${seconds(performance.now() - startedAt)} s, ${seconds(perThreadMs)} s of CPU time in each of ${THREADS} threads on cores that are ${slow.toFixed(1)} times as slow as usual\n`,
      );
      const tooRare = Object.entries(LEAST_PER_THOUSAND).filter(
        ([name, least]) => coverage.of(name as Covered) < (least * SCHEDULES) / 1_000,
      );
      expect((perThreadMs * 5_000) / SCHEDULES).toBeLessThan(MOST_MS * Math.min(slow, MOST_SLOWNESS));
      expect(tooRare, JSON.stringify([...coverage.counts], undefined, 1)).toEqual([]);
    },
  );

  test('goes the same way again with the same seed, and another with another', async () => {
    const hashOf = async (seed: number) => (await runSchedule(seed, { runInstance })).trace.hash();
    const first = [];
    for (let seed = 1; seed <= 40; seed++) first.push(await hashOf(seed));
    const second = [];
    for (let seed = 1; seed <= 40; seed++) second.push(await hashOf(seed));
    expect(second).toEqual(first);
    expect(new Set(first).size).toBe(40);
  });

  test('goes the same way in another process', async () => {
    const here = (await runSchedule(7, { runInstance })).trace.last(Infinity);
    const { stdout: there } = await promisify(execFile)(
      process.execPath,
      ['--conditions=@clickstream/source', 'testing/simulate.ts', '--seed', '7'],
      { cwd: fileURLToPath(new URL('..', import.meta.url)), maxBuffer: 2 ** 24 },
    );
    // Behind it comes what it has covered.
    expect(there.split('\n').slice(0, here.length)).toEqual(here);
  });
});
