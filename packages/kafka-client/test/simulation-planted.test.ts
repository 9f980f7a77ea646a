import { describe, expect, test } from 'vitest';
import { runInstance } from '../src/task-processor.ts';
import { PLANTED_BUGS, type PlantedBug } from '../testing/planted.ts';
import { mutatedEngine } from '../testing/mutated-engine.ts';
import { report } from '../testing/report.ts';
import { runSchedule, type ScheduleResult } from '../testing/run-schedule.ts';

/** Runs the engine with the bug, with its seed and then, if that does not find it, as if for the first time. */
async function find(bug: PlantedBug): Promise<ScheduleResult> {
  const engine = await bug.engine();
  let result = await runSchedule(bug.seed, engine);
  const isFound = () => bug.finding.test(result.violation?.message ?? '');
  if (isFound()) return result;
  // Another order of the engine's steps makes another schedule of a seed.
  for (let seed = 1; seed <= bug.within && !isFound(); seed++) result = await runSchedule(seed, engine);
  if (!isFound()) expect.fail(`no seed up to ${bug.within} finds "${bug.name}"`);
  process.stderr.write(`simulation: seed ${result.seed} finds "${bug.name}" now, no longer ${bug.seed}\n`);
  return result;
}

describe('the simulation finds a planted bug', () => {
  test.for(PLANTED_BUGS)('$name, with seed $seed', { timeout: 900_000 }, async (bug) => {
    const { seed } = await find(bug);
    const without = await runSchedule(seed, { runInstance });
    expect(without.violation, report(without)).toBeUndefined();
  });

  test('with a report that says what happened and how to see it again', { timeout: 900_000 }, async () => {
    const [bug] = PLANTED_BUGS;
    const result = await find(bug!);
    const lines = report(result, bug!.name).split('\n');
    expect(lines.at(-2)).toBe(`seed ${result.seed}: ${result.violation!.message}`);
    expect(lines.at(-1)).toBe(
      `again: node --conditions=@clickstream/source testing/simulate.ts --bug '${bug!.name}' --seed ${result.seed}`,
    );
    expect(lines.length).toBeGreaterThan(20);
    for (const line of lines.slice(0, -3)) expect(line).toMatch(/^ *\d+\.\d ms {2}\S+ +\S/);
    expect(report(result).split('\n').at(-1)).toBe(
      `again: SIMULATION_SEED=${result.seed} vitest run test/simulation.test.ts`,
    );
  });

  test('only as long as what it changes is there', async () => {
    const gone = { file: 'stream-task.ts', from: 'no such text', to: '' } as const;
    await expect(mutatedEngine('gone', [gone])).rejects.toThrow(/stream-task\.ts has 0 times/);
  });
});
