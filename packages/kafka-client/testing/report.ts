import type { ScheduleResult } from './run-schedule.ts';

/**
 * What went wrong in a schedule, what came before, and how to see it again.
 *
 * @param bug the name of the planted bug that it ran with.
 */
export function report({ seed, violation, trace }: ScheduleResult, bug?: string, events = 60): string {
  return [
    ...trace.last(events),
    '',
    `seed ${seed}: ${violation?.message ?? 'no violation'}`,
    ...(violation && violation.name !== 'Violation' ? [violation.stack ?? ''] : []),
    bug === undefined
      ? `again: SIMULATION_SEED=${seed} vitest run test/simulation.test.ts`
      : `again: node --conditions=@clickstream/source testing/simulate.ts --bug '${bug}' --seed ${seed}`,
  ].join('\n');
}
