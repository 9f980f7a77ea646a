import type { Wholeness } from './check-books.ts';
import type { Findings } from './findings.ts';
import type { Tallies, Tally } from './tallies.ts';

/** How the totals compare with the recount. */
export interface Comparison {
  /** Users with a total or a click. */
  readonly users: number;
  readonly differing: number;
}

/**
 * Compares each user's total with the recount. Where clicks are gone a total may be greater, never smaller. Of the
 * users that differ the first one is reported: in the lowest partition, and there with the lowest id.
 */
export function compareTotals(
  tallies: Tallies,
  { input, forwards }: Wholeness,
  problems: Findings,
): Comparison {
  const isExact = input.map((isWhole, home) =>
    forwards.every((areWhole, origin) => (origin === home ? isWhole : areWhole)),
  );
  let users = 0;
  let differing = 0;
  let first: { userId: string; tally: Tally } | undefined;
  for (const [userId, tally] of tallies) {
    const { home, published, recounted } = tally;
    if (published > 0 || recounted > 0) users++;
    const differs = isExact[home] ? published !== recounted : published < recounted;
    if (!differs) continue;
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
  return { users, differing };
}
