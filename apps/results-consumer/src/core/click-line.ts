import { formatClickEvent, printable, type ClickEvent } from '@clickstream/schema';
import type { GrowingColumn } from './growing-column.ts';
import type { LineStyle } from './line-style.ts';

const BEFORE_USER = 'User '.length;
const BEFORE_URL = ' clicked on ';

/** Columns that keep clicks aligned, line by line. */
export interface ClickColumns {
  readonly user: GrowingColumn;
  readonly url: GrowingColumn;
}

/** A click as its sentence, the user id set off; with `columns` user and url are filled up so as to align. */
export function clickLine(click: ClickEvent, style: LineStyle, columns?: ClickColumns): string {
  const sentence = formatClickEvent(click);
  const user = printable(click.userId);
  const userEnd = BEFORE_USER + user.length;
  const url = printable(click.url);
  const urlEnd = userEnd + BEFORE_URL.length + url.length;
  return (
    sentence.slice(0, BEFORE_USER) +
    style.subject(user) +
    (columns?.user.padding(user) ?? '') +
    sentence.slice(userEnd, urlEnd) +
    (columns?.url.padding(url) ?? '') +
    sentence.slice(urlEnd)
  );
}
