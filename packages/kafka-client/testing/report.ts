import type { ScheduleResult } from './run-schedule.ts';

/** What went wrong in a schedule, what came before, and how to see it again. */
export function report({ seed, violation, trace }: ScheduleResult, events = 60): string {
  return [
    ...trace.last(events),
    '',
    `seed ${seed}: ${violation?.message ?? 'no violation'}`,
    ...(violation && violation.name !== 'Violation' ? [violation.stack ?? ''] : []),
    `again: SIMULATION_SEED=${seed} vitest run test/simulation.test.ts`,
  ].join('\n');
}
