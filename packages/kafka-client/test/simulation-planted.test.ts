import { describe, expect, test } from 'vitest';
import { runInstance } from '../src/task-processor.ts';
import { PLANTED_BUGS } from '../testing/planted.ts';
import { mutatedEngine } from '../testing/mutated-engine.ts';
import { report } from '../testing/report.ts';
import { runSchedule } from '../testing/run-schedule.ts';

describe('the simulation finds a planted bug', () => {
  test.for(PLANTED_BUGS)('$name, with seed $seed', async ({ engine, seed, finding }) => {
    const result = await runSchedule(seed, await engine());
    expect(result.violation?.name, report(result)).toBe('Violation');
    expect(result.violation?.message).toMatch(finding);
    const again = await runSchedule(seed, { runInstance });
    expect(again.violation, 'it is the planted bug that was found').toBeUndefined();
  });

  test('with a report that says what happened and how to see it again', async () => {
    const [bug] = PLANTED_BUGS;
    const result = await runSchedule(bug!.seed, await bug!.engine());
    const lines = report(result).split('\n');
    expect(lines.at(-2)).toBe(`seed ${bug!.seed}: ${result.violation!.message}`);
    expect(lines.at(-1)).toBe(`again: SIMULATION_SEED=${bug!.seed} vitest run test/simulation.test.ts`);
    expect(lines.length).toBeGreaterThan(20);
    for (const line of lines.slice(0, -3)) expect(line).toMatch(/^ *\d+\.\d ms {2}\S+ +\S/);
  });

  test('only as long as what it changes is there', async () => {
    const gone = { file: 'stream-task.ts', from: 'no such text', to: '' } as const;
    await expect(mutatedEngine('gone', [gone])).rejects.toThrow(/stream-task\.ts has 0 times/);
  });
});
