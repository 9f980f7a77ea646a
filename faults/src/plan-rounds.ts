import type { Fault } from './fault.ts';

/** What a suite is to be cut to. */
export interface PlanLimits {
  /** Of each fault, instead of its own; then there is nothing to cut for a budget. */
  readonly rounds?: number | undefined;
  /** What all of it may take, about; fewer rounds make it fit. */
  readonly budgetSeconds?: number | undefined;
  /** Faults at the same time. */
  readonly sideBySide: number;
}

/** Rounds of each fault, those that take longest first, and about how long all of them take. */
export interface Plan {
  readonly rounds: ReadonlyMap<Fault, number>;
  readonly seconds: number;
}

/** Starting Kafka, coming to rest and counting, for a fault that needs nothing special. */
const FRAME_SECONDS = 25;
const SHARE_STEP = 0.02;

/**
 * Shares a budget out among faults: each keeps the same share of its rounds, and never fewer than it takes to do all that
 * its title says. So a budget that is too small is exceeded; see {@link Plan.seconds}.
 */
export function planRounds(faults: readonly Fault[], limits: PlanLimits): Plan {
  const { rounds, budgetSeconds = Infinity, sideBySide } = limits;
  const planOf = (share: number): Plan => {
    const planned = faults.map((fault) => {
      const fewest = fault.fewestRounds ?? 1;
      const count = fault.isOnce ? 1 : (rounds ?? Math.max(fewest, Math.floor((fault.rounds ?? 1) * share)));
      return { fault, count, seconds: FRAME_SECONDS + fault.seconds.fixed + count * fault.seconds.round };
    });
    planned.sort((one, other) => other.seconds - one.seconds);
    return {
      rounds: new Map(planned.map(({ fault, count }) => [fault, count])),
      seconds: secondsOf(
        planned.map(({ seconds }) => seconds),
        sideBySide,
      ),
    };
  };
  for (let share = 1; share > 0; share -= SHARE_STEP) {
    const plan = planOf(share);
    if (plan.seconds <= budgetSeconds) return plan;
  }
  return planOf(0);
}

/** Until the last one ends, when whoever is done takes the next one. */
function secondsOf(each: readonly number[], sideBySide: number): number {
  const ends = Array.from({ length: sideBySide }, () => 0);
  for (const seconds of each) ends[ends.indexOf(Math.min(...ends))] = Math.min(...ends) + seconds;
  return Math.max(...ends);
}
