import { printable } from '@clickstream/schema';
import { inColumns, cutToWidth } from './columns.ts';
import type { LineStyle } from './line-style.ts';
import type { Overview } from './views/click-views.ts';
import type { PageWindow } from './views/page-windows.ts';
import type { UserTotal } from './views/user-totals.ts';

/** What `top` shows. */
export interface TopState {
  readonly overview: Overview;
  readonly users: readonly UserTotal[];
  /** The current window; undefined while there is none. */
  readonly pages: PageWindow | undefined;
}

export interface TopScreenSize {
  readonly columns: number;
  /** Lines at most; undefined for as many as it takes. */
  readonly rows: number | undefined;
}

const NUMBER_COLUMNS = 12;
const AGO_COLUMNS = 9;
const USER_COLUMNS = 24;
/** Figures, both headings, the empty lines between, and one row of each. */
const LINES_MIN = 8;

/** The busiest users and pages as lines that fit, hostile text escaped. */
export function topScreen(state: TopState, { columns, rows }: TopScreenSize, style: LineStyle): string[] {
  const { overview, users, pages } = state;
  const room = rows === undefined ? Infinity : Math.max(0, rows - LINES_MIN);
  const pageCount = Math.min(
    pages?.pages.length ?? 0,
    rows === undefined ? Infinity : 1 + Math.floor(room / 2),
  );
  const userCount = rows === undefined ? users.length : Math.min(users.length, 1 + room - (pageCount - 1));
  const fit = (line: string) => cutToWidth(line, columns);
  /** A row whose first cell is what it is about. */
  const row = (subject: string, ...cells: string[]) => {
    const line = fit([subject, ...cells].join(' '));
    const text = subject.trimEnd();
    return line.startsWith(text) ? style.subject(text) + line.slice(text.length) : line;
  };
  const heading = (line: string) => style.strong(fit(line));
  const urlColumns = Math.max(8, columns - USER_COLUMNS - NUMBER_COLUMNS - AGO_COLUMNS - 3);
  const pageColumns = Math.max(8, columns - 2 * NUMBER_COLUMNS - 2);

  const lines = [
    fit(figures(overview)),
    overview.books.balances === false
      ? style.warning(fit(health(overview)))
      : style.faint(fit(health(overview))),
    '',
    heading(
      [
        inColumns('USER', USER_COLUMNS),
        inColumns('CLICKS', NUMBER_COLUMNS, 'right'),
        inColumns('LAST', AGO_COLUMNS, 'right'),
        'ON',
      ].join(' '),
    ),
    ...users
      .slice(0, userCount)
      .map(({ userId, clicks, lastClickAt, lastUrl }) =>
        row(
          inColumns(printable(userId), USER_COLUMNS),
          inColumns(grouped(clicks), NUMBER_COLUMNS, 'right'),
          inColumns(ago(overview.now - lastClickAt), AGO_COLUMNS, 'right'),
          cutToWidth(printable(lastUrl), urlColumns),
        ),
      ),
    ...(users.length === 0 ? [style.faint('no clicks have been counted yet')] : []),
    '',
    heading(
      [
        inColumns(`PAGE ${windowOf(pages)}`, pageColumns),
        inColumns('CLICKS', NUMBER_COLUMNS, 'right'),
        inColumns('USERS', NUMBER_COLUMNS, 'right'),
      ].join(' '),
    ),
    ...(pages?.pages ?? [])
      .slice(0, pageCount)
      .map(({ page, clicks, users: pageUsers }) =>
        row(
          inColumns(printable(page), pageColumns),
          inColumns(grouped(clicks), NUMBER_COLUMNS, 'right'),
          inColumns(
            `${pages?.usersExact === false ? '≥' : ''}${grouped(pageUsers)}`,
            NUMBER_COLUMNS,
            'right',
          ),
        ),
      ),
    ...(pages ? [] : [style.faint('no window has been counted yet')]),
  ];
  // One line too many would make the terminal scroll.
  return lines.slice(0, rows);
}

function figures({ totalClicks, users, clicksPerSecond, activeUsers5m }: Overview): string {
  return [
    `${grouped(totalClicks)} clicks`,
    `${grouped(users)} users`,
    `${grouped(clicksPerSecond)} clicks/s`,
    `${grouped(activeUsers5m)} active in 5 min`,
  ].join(' · ');
}

function health({ lagRecords, oldestWaitingSeconds, latency, deadLetters, books }: Overview): string {
  const { p50Ms, p99Ms } = latency;
  return [
    `lag ${grouped(lagRecords)} clicks, ${oldestWaitingSeconds === null ? 'age unknown' : `${oldestWaitingSeconds} s`}`,
    p50Ms === null || p99Ms === null ? 'latency not measured' : `latency p50 ${p50Ms} ms, p99 ${p99Ms} ms`,
    `${deadLetters.complete ? '' : '≥'}${grouped(deadLetters.total)} dead ${deadLetters.total === 1 ? 'letter' : 'letters'}`,
    books.balances === null ? 'no books yet' : books.balances ? 'books balance' : 'BOOKS DO NOT BALANCE',
  ].join(' · ');
}

function windowOf(pages: PageWindow | undefined): string {
  if (!pages) return '';
  const clock = (timeMs: number) => new Date(timeMs).toISOString().slice(11, 19);
  return `(${clock(pages.windowStart)} to ${clock(pages.windowEnd)} UTC${pages.final ? ', final' : ''})`;
}

function grouped(value: number): string {
  return value.toLocaleString('en-US');
}

/** How long ago, in one unit. */
function ago(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1_000));
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} m ago`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3_600)} h ago`;
  return `${Math.floor(seconds / 86_400)} d ago`;
}
