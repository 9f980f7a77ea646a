import { areReceiptsKnown, type Wholeness } from './check-books.ts';
import type { Findings } from './findings.ts';
import type { TotalsSum } from './read-totals.ts';
import type { Tallies, Tally } from './tallies.ts';

/** How the totals compare with the recount. */
export interface Comparison {
  /** Users with a total or a click. */
  readonly users: number;
  readonly differing: number;
  /** By home: the totals that compaction has removed before they were read. */
  readonly removed: readonly RemovedTotals[];
}

/** Totals that were not read, as their users' clicks say that they were. */
export interface RemovedTotals {
  /** Users whose total was not read; of some an earlier one was. */
  readonly users: number;
  /** Those of them of whom no total at all was read. */
  readonly unseenUsers: number;
  /** Clicks that are missing in what was read. */
  readonly clicks: number;
  /** Whether the clicks say it exactly; otherwise there may be more of everything. */
  readonly areExact: boolean;
}

/**
 * Compares each user's total with the recount. Where clicks are gone a total may be greater, never smaller; where
 * compaction was faster it may be missing, if a later one says enough. Of the users that differ the first one is
 * reported: in the lowest partition, and there with the lowest id.
 */
export function compareTotals(
  tallies: Tallies,
  wholeness: Wholeness,
  sums: readonly TotalsSum[],
  problems: Findings,
  gaps: Findings,
): Comparison {
  const isExact = wholeness.input.map((isWhole, home) => isWhole && areReceiptsKnown(wholeness, home));
  const removed = isExact.map((areExact) => ({ users: 0, unseenUsers: 0, clicks: 0, areExact }));
  let users = 0;
  let differing = 0;
  let first: { userId: string; tally: Tally } | undefined;
  for (const [userId, tally] of tallies) {
    const { home, published, recounted } = tally;
    if (published > 0 || recounted > 0) users++;
    const ofHome = removed[home];
    if (ofHome && sums[home]?.isCompacted === true && wasRemoved(tally)) {
      ofHome.users++;
      ofHome.clicks += recounted - published;
      if (published === 0) ofHome.unseenUsers++;
      continue;
    }
    const differs = isExact[home] ? published !== recounted : published < recounted;
    if (!differs) continue;
    if (Math.abs(published - recounted) <= tally.uncertain) {
      gaps.addRecord(
        'duplicates',
        'totals',
        home,
        `user ${JSON.stringify(userId)} in partition ${home}: expected ${recounted}, found ${published}, which may be right: ${tally.uncertain} clicks came several times, and the log does not tell which of them the horizon still covered`,
        { user: userId, expected: recounted, found: published },
      );
      continue;
    }
    differing++;
    if (!first || home < first.tally.home || (home === first.tally.home && userId < first.userId))
      first = { userId, tally };
  }
  if (first) {
    const { userId, tally } = first;
    problems.add(
      'totals',
      tally.home,
      `user ${JSON.stringify(userId)} in partition ${tally.home}: expected ${isExact[tally.home] ? '' : 'at least '}${tally.recounted}, found ${tally.published}; ${differing} of ${users} users differ`,
      { user: userId, expected: tally.recounted, found: tally.published },
    );
  }
  return { users, differing, removed };
}

/**
 * Whether compaction explains that a total is too low: the one at the cut was removed for the sake of a later one. That
 * one is greater, as it counts a click more; a total below the cut that is too high nothing explains.
 */
export function wasRemoved({ published, recounted, newest }: Tally): boolean {
  return published < recounted && recounted < newest;
}
