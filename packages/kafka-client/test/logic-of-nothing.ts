import type { TaskLogic } from '../src/task-logic.ts';

/** An application that counts every record and keeps nothing, but for what a test wants otherwise. */
export function logicOfNothing(otherwise: Partial<TaskLogic> = {}): TaskLogic {
  return {
    resume: () => undefined,
    restore: () => undefined,
    rebuild: () => undefined,
    rebuildIsPartial: () => undefined,
    process: () => 'counted',
    caughtUp: () => undefined,
    idle: () => false,
    flush: () => undefined,
    heldBack: 0,
    heldBackBytes: 0,
    isClosing: false,
    snapshot: () => null,
    rebuildFrom: (_, position) => position,
    resultsFrom: () => ({}),
    sums: () => ({}),
    ...otherwise,
  };
}
