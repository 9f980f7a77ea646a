import { describe, expect, test } from 'vitest';
import { IdleWatch } from '../src/idle-watch.ts';

/**
 * Answers of the broker, one per 250 ms and input: `.` is an empty one at the end of the log, `x` one that brought
 * something, or left something behind. Idle time told, ms, by answer.
 */
function told(timeoutMs: number, input: string, repartition: string, stepMs = 250): number[] {
  const watch = new IdleWatch(timeoutMs);
  return Array.from(
    input,
    (answer, index) =>
      (watch.answer('input', answer === '.', index * stepMs) ?? 0) +
      (watch.answer('repartition', repartition[index] === '.', index * stepMs) ?? 0),
  );
}

describe('idle time', () => {
  test('is told once the time-out is over, the time-out included, and then bit by bit', () => {
    expect(told(1_000, '.......', '.......')).toEqual([0, 0, 0, 0, 1_000, 250, 250]);
  });

  test('begins again after an answer that brought something, on either input', () => {
    expect(told(500, '...x....', '........')).toEqual([0, 0, 500, 0, 0, 0, 500, 250]);
    expect(told(500, '........', '...x....')).toEqual([0, 0, 500, 0, 0, 0, 500, 250]);
  });

  test('says where it begins anew, so that what was told before counts no more', () => {
    const watch = new IdleWatch(0);
    watch.answer('repartition', true, 0);
    expect(watch.answer('input', true, 0)).toBe(0);
    expect(watch.answer('input', true, 5_000)).toBeUndefined();
    expect(watch.answer('input', false, 5_100)).toBeUndefined();
  });

  test('is none while only one input is idle', () => {
    expect(told(500, '........', 'xxxxxxxx')).toEqual([0, 0, 0, 0, 0, 0, 0, 0]);
  });

  test('begins again after an interval of more than a second: nobody knows what came meanwhile', () => {
    expect(told(2_000, '....', '....', 1_000)).toEqual([0, 0, 2_000, 1_000]);
    expect(told(2_000, '......', '......', 1_001)).toEqual([0, 0, 0, 0, 0, 0]);
  });
});
