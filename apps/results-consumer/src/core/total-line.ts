import { formatRunningTotal, printable, type RunningTotal } from '@clickstream/schema';
import type { LineStyle } from './line-style.ts';

const BEFORE_USER = 'User '.length;

/** A running total as its sentence, user id and count set off. */
export function totalLine(total: Pick<RunningTotal, 'userId' | 'clicks'>, style: LineStyle): string {
  const sentence = formatRunningTotal(total);
  const userEnd = BEFORE_USER + printable(total.userId).length;
  // The words between have no digit.
  const count = String(total.clicks);
  const countStart = sentence.indexOf(count, userEnd);
  return (
    sentence.slice(0, BEFORE_USER) +
    style.strong(sentence.slice(BEFORE_USER, userEnd)) +
    sentence.slice(userEnd, countStart) +
    style.strong(count) +
    sentence.slice(countStart + count.length)
  );
}
