import type { RemovedTotals } from './compare-totals.ts';
import type { Findings } from './findings.ts';
import type { TotalsSum } from './read-totals.ts';
import type { Cut } from './take-cut.ts';

/**
 * Compares what the checkpoint of each task says of all its totals with the totals that were read, and with those that
 * compaction had removed before, as far as the clicks tell them.
 */
export function checkSums(
  topic: string,
  cut: Cut,
  sums: readonly TotalsSum[],
  removed: readonly RemovedTotals[],
  problems: Findings,
  gaps: Findings,
): void {
  for (const { partition, sequence, resultEnds, sums: expected } of cut) {
    const sum = sums[partition];
    const missing = removed[partition];
    if (!sum || !missing) continue;
    const compare = (what: string, told: number, found: number, removedOfIt: number) => {
      // Where not all clicks are left, more totals may be removed than they say.
      const mayBeLess = sum.isCompacted && !missing.areExact;
      const whole = found + removedOfIt;
      if (whole === told || (mayBeLess && whole < told)) return;
      problems.add(
        'sums',
        partition,
        `${what} in partition ${partition}: expected ${told}, found ${whole} (checkpoint ${sequence})`,
        { expected: told, found: whole },
      );
    };
    compare('clicks in all totals', expected.clicks, sum.clicks, missing.clicks);
    compare('users with a total', expected.users, sum.users, missing.unseenUsers);
    if (!sum.isCompacted) continue;
    const end = resultEnds.get(topic) ?? 0;
    gaps.add(
      'totals',
      partition,
      `${topic} [${partition}] was compacted while it was read: ${missing.areExact ? '' : 'at least '}${missing.users} users' totals below offset ${end} were removed for the sake of later ones, which end at offset ${sum.end}, and could not be compared`,
      { offset: end },
    );
  }
}
