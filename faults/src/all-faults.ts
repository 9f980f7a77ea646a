import type { Fault } from './fault.ts';
import { commitHeldPastRestart } from './faults/commit-held-past-restart.ts';
import { commitResponseLost } from './faults/commit-response-lost.ts';
import { killAtEachMoment } from './faults/kill-at-each-moment.ts';
import { killAtRandomMoments } from './faults/kill-at-random-moments.ts';

/** All faults there are, in the order of the table. */
export const ALL_FAULTS: readonly Fault[] = [
  killAtEachMoment,
  killAtRandomMoments,
  commitResponseLost,
  commitHeldPastRestart,
];
