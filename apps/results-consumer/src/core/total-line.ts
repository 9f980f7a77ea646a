import { formatRunningTotal, printable, type RunningTotal } from '@clickstream/schema';
import type { GrowingColumn } from './growing-column.ts';
import type { LineStyle } from './line-style.ts';

const BEFORE_USER = 'User '.length;

/** Columns that keep totals aligned, line by line. */
export interface TotalColumns {
  readonly user: GrowingColumn;
  readonly count: GrowingColumn;
}

/** A running total as its sentence, user id and count set off; with `columns` they are filled up so as to align. */
export function totalLine(
  total: Pick<RunningTotal, 'userId' | 'clicks'>,
  style: LineStyle,
  columns?: TotalColumns,
): string {
  const sentence = formatRunningTotal(total);
  const user = printable(total.userId);
  const userEnd = BEFORE_USER + user.length;
  // The words between have no digit.
  const count = String(total.clicks);
  const countStart = sentence.indexOf(count, userEnd);
  return (
    sentence.slice(0, BEFORE_USER) +
    style.subject(user) +
    (columns?.user.padding(user) ?? '') +
    sentence.slice(userEnd, countStart) +
    (columns?.count.padding(count) ?? '') +
    style.strong(count) +
    sentence.slice(countStart + count.length)
  );
}
