import { checkSum } from './check-sum.ts';
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
  for (const task of cut) {
    const { partition, resultEnds, sums: expected } = task;
    const sum = sums[partition];
    const missing = removed[partition];
    if (!sum || !missing) continue;
    // Where not all clicks are left, more totals may be removed than they say.
    const mayBeLess = sum.isCompacted && !missing.areExact;
    const clicks = { told: expected.clicks, found: sum.clicks + missing.clicks, mayBeLess };
    checkSum('clicks in all totals', task, clicks, problems);
    const users = { told: expected.users, found: sum.users + missing.unseenUsers, mayBeLess };
    checkSum('users with a total', task, users, problems);
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
