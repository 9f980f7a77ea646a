import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { runInstance } from '../src/task-processor.ts';
import { PLANTED_BUGS, type PlantedBug } from '../testing/planted.ts';
import { mutatedEngine } from '../testing/mutated-engine.ts';
import { report } from '../testing/report.ts';
import { runSchedule, type ScheduleResult } from '../testing/run-schedule.ts';

/** Whether a schedule has shown what the bug does. */
const isFound = ({ finding }: PlantedBug, { violation }: ScheduleResult) =>
  finding.test(violation?.message ?? '');

/** Another order of the engine's steps makes another schedule of a seed: looks for one that finds the bug now. */
async function searchAnew(bug: PlantedBug): Promise<number | undefined> {
  const engine = await bug.engine();
  for (let seed = 1; seed <= bug.within; seed++)
    if (isFound(bug, await runSchedule(seed, engine))) return seed;
  return undefined;
}

describe('the simulation finds a planted bug', () => {
  test.for(PLANTED_BUGS)('$name, with seed $seed', { timeout: 900_000 }, async (bug) => {
    if (!isFound(bug, await runSchedule(bug.seed, await bug.engine()))) {
      const seed = await searchAnew(bug);
      expect.fail(
        seed === undefined
          ? `no seed up to ${bug.within} finds "${bug.name}"`
          : `seed ${bug.seed} does not find "${bug.name}" any more, ${seed} does: let planted.ts and docs/testing.md say so`,
      );
    }
    const without = await runSchedule(bug.seed, { runInstance });
    expect(without.violation, report(without)).toBeUndefined();
  });

  test('all of which docs/testing.md lists, with their seeds', () => {
    const docs = readFileSync(new URL('../../../docs/testing.md', import.meta.url), 'utf8');
    const [, table = ''] = docs.split(/^\| planted bug +\| seed .*\n.*\n/m);
    const listed = table
      .slice(0, table.indexOf('\n\n'))
      .split('\n')
      .map((row) => row.split('|').map((cell) => cell.trim()));
    expect(listed.map(([, name, seed]) => `${name}: ${seed}`).sort()).toEqual(
      PLANTED_BUGS.map(({ name, seed }) => `${name}: ${seed}`).sort(),
    );
  });

  test('with a report that says what happened and how to see it again', { timeout: 900_000 }, async () => {
    const bug = PLANTED_BUGS[0]!;
    const result = await runSchedule(bug.seed, await bug.engine());
    const lines = report(result, bug.name).split('\n');
    expect(lines.at(-2)).toBe(`seed ${result.seed}: ${result.violation!.message}`);
    expect(lines.at(-1)).toBe(
      `again: node --conditions=@clickstream/source testing/simulate.ts --bug '${bug.name}' --seed ${result.seed}`,
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
