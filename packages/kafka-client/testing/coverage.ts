/** What a schedule went through, to show that a search was not vacuous. */
export const COVERED = [
  'steps',
  'records written',
  'aborted input records',
  'transactions committed',
  'commits with unknown outcome, applied',
  'commits with unknown outcome, not applied',
  'requests applied after the client gave up',
  'zombie requests refused',
  'writes repeated and recognised',
  'transactions aborted by a fence',
  'transactions timed out',
  'transactions ended without all their markers',
  'commits decided when fenced',
  'producer ids used up',
  'fetches with aborted records between committed ones',
  'forwards committed',
  'misrouted records',
  'restores with a checkpoint',
  'rebalances',
  'sessions expired',
  'static members replaced',
  'seats lost',
  'processes killed',
  'processes killed with an open transaction',
  'processes ended by themselves',
  'processes stopped and started',
  'pauses',
  'pauses past the session',
  'outages',
  'purges',
  'compactions',
  'idle fetches',
  'ticks that closed windows',
  'windows closed by ticks',
  'transactions that close what was left over',
  'checkpoints with a stream time of idle time',
  'clicks rebuilt from',
  'partial rebuilds',
  'windows with inexact users',
  'duplicates',
  'late clicks',
  'clicks that missed some windows',
  'window results deleted',
  'sessions closed',
  'sessions absorbed or moved',
  'clicks in no session',
  'transactions failed',
] as const;
export type Covered = (typeof COVERED)[number];

export class Coverage {
  readonly counts = new Map<Covered, number>(COVERED.map((name) => [name, 0]));

  count(name: Covered, by = 1): void {
    this.counts.set(name, this.of(name) + by);
  }

  of(name: Covered): number {
    return this.counts.get(name) ?? 0;
  }

  add(other: Coverage): void {
    for (const [name, count] of other.counts) this.count(name, count);
  }
}
