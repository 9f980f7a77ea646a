import { describe, expect, test } from 'vitest';
import { ALL_FAULTS } from '../src/all-faults.ts';
import type { Fault } from '../src/fault.ts';
import { planRounds } from '../src/plan-rounds.ts';

const fault = (name: string, rounds: number, fewestRounds?: number): Fault => ({
  name,
  title: name,
  rounds,
  ...(fewestRounds !== undefined && { fewestRounds }),
  seconds: { round: 10, fixed: 0 },
  run: () => Promise.resolve(),
});

describe('the rounds of a suite', () => {
  const few = fault('few', 20);
  const all = fault('all', 10, 6);

  test('are those of each fault when there is no budget', () => {
    const { rounds, seconds } = planRounds([few, all], { sideBySide: 2 });
    expect(Object.fromEntries([...rounds].map(([{ name }, count]) => [name, count]))).toEqual({
      few: 20,
      all: 10,
    });
    expect(seconds).toBe(225);
  });

  test('are cut so that a budget holds them, but never below what a fault takes to do all it says', () => {
    const { rounds, seconds } = planRounds([few, all], { sideBySide: 1, budgetSeconds: 150 });
    expect(rounds.get(all)).toBe(6);
    expect(rounds.get(few)).toBeLessThan(5);
    expect(seconds).toBeLessThanOrEqual(150);
  });

  test('exceed a budget that cannot hold the fewest of all', () => {
    const { rounds, seconds } = planRounds([few, all], { sideBySide: 1, budgetSeconds: 10 });
    expect([rounds.get(few), rounds.get(all)]).toEqual([1, 6]);
    expect(seconds).toBe(120);
  });

  test('are enough for all that each fault says, unless it is told otherwise', () => {
    const tooFew = ALL_FAULTS.filter(({ rounds = 1, fewestRounds = 1 }) => rounds < fewestRounds);
    expect(tooFew).toEqual([]);
  });
});
