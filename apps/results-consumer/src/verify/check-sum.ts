import type { Findings } from './findings.ts';
import type { Task } from './take-cut.ts';

/** Compares one sum of a checkpoint with what was found. @param mayBeLess whether some of it may have been removed */
export function checkSum(
  what: string,
  { partition, sequence }: Pick<Task, 'partition' | 'sequence'>,
  { told, found, mayBeLess }: { readonly told: number; readonly found: number; readonly mayBeLess: boolean },
  problems: Findings,
): void {
  if (found === told || (mayBeLess && found < told)) return;
  problems.add(
    'sums',
    partition,
    `${what} in partition ${partition}: expected ${told}, found ${found} (checkpoint ${sequence})`,
    { expected: told, found },
  );
}
