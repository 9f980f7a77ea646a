import { describe, expect, test } from 'vitest';
import { runInstance } from '../src/task-processor.ts';
import { Coverage, type Covered } from '../testing/coverage.ts';
import { report } from '../testing/report.ts';
import { runSchedule } from '../testing/run-schedule.ts';

/** One schedule to run again, as a failure names it. */
const SEED = process.env['SIMULATION_SEED'];
const SCHEDULES = Number(process.env['SIMULATION_SCHEDULES'] ?? 5_000);
/** Of a machine that does ten other things; a core of its own does 5,000 schedules within a minute. */
const TIME_LIMIT_MS = 900_000;
/** Of one core, for a schedule: three times what it takes, since cores that are shared are slower. */
const MOST_CPU_MS = 36;

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
  'window results deleted': 40,
};

describe('the engine over a model of the broker', () => {
  test(
    SEED === undefined
      ? `does not count wrongly in any of ${SCHEDULES} schedules`
      : `does not count wrongly with seed ${SEED}`,
    { timeout: TIME_LIMIT_MS },
    async () => {
      if (SEED !== undefined) {
        const result = await runSchedule(Number(SEED), { runInstance });
        expect(result.violation, report(result)).toBeUndefined();
        return;
      }
      const coverage = new Coverage();
      const startedAt = process.cpuUsage();
      for (let seed = 1; seed <= SCHEDULES; seed++) {
        const result = await runSchedule(seed, { runInstance });
        if (result.violation) expect.fail(report(result));
        coverage.add(result.coverage);
      }
      const used = process.cpuUsage(startedAt);
      const seconds = (used.user + used.system) / 1e6;
      process.stderr.write(
        `simulation: ${SCHEDULES} schedules in ${seconds.toFixed(1)} s of one core, ${(SCHEDULES / seconds).toFixed(0)} a second\n`,
      );
      const tooRare = Object.entries(LEAST_PER_THOUSAND).filter(
        ([name, least]) => coverage.of(name as Covered) < (least * SCHEDULES) / 1_000,
      );
      expect((1_000 * seconds) / SCHEDULES).toBeLessThan(MOST_CPU_MS);
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
});
