import { isUtf8 } from 'node:buffer';
import type { RecordCursor } from '@clickstream/kafka-client';
import { z } from 'zod';
import type { ClickState } from './checkpoint-record.ts';
import { canBe, type Completeness } from './completeness.ts';
import type { Findings } from './findings.ts';
import { jsonOf } from './json-of.ts';
import { PairSet } from './pair-set.ts';
import type { Cut, Task } from './take-cut.ts';

/** The page that stands for all those that a window has no room for. */
const OTHER = '(other)';
const KEY = /^(?<start>-?\d{1,15})\/(?<partition>\d{1,9})\/(?<page>[^]+)$/;
const CLOSED_UNTIL = 'closedUntil/';

const count = z.int().min(1);
const pageResult = z.object({
  page: z.string(),
  windowStart: z.int(),
  windowEnd: z.int(),
  partition: z.int(),
  clicks: count,
  users: count,
  usersExact: z.boolean(),
  final: z.boolean(),
});
const closedUntilRecord = z.object({
  partition: z.int(),
  closedUntil: z.int(),
  streamTime: z.int(),
  idle: z.boolean(),
});
type ClosedUntil = z.output<typeof closedUntilRecord>;

/** What the newest record of a key says. */
interface Published {
  readonly clicks: number;
  readonly users: number;
  readonly usersExact: boolean;
  readonly isFinal: boolean;
}

/** A page in a window, of the clicks of one partition. */
interface Row {
  readonly number: number;
  readonly key: string;
  /** Below the cut; undefined if there is none. */
  published: Published | undefined;
  isFinal: boolean;
  /** Whether there is a record above the cut. */
  isOvertaken: boolean;
  /** Counted anew. */
  clicks: number;
  users: number;
  /** Whether some of its clicks may have been counted elsewhere or not. */
  isUncertain: boolean;
}

/** The windows that start at one time in one partition. */
interface Window {
  readonly rows: Map<string, Row>;
  /** Whether other pages than those that it keeps apart were counted in `(other)`. */
  hasFolded: boolean;
}

/** One partition. */
interface Home {
  readonly windows: Map<number, Window>;
  closedUntil: ClosedUntil | undefined;
  isClosedUntilOvertaken: boolean;
}

/** What compares one partition's windows with the recount. */
export interface PageComparison {
  readonly results: number;
  readonly differing: number;
}

/**
 * Clicks and distinct users of each page in each window: as they were published, and counted anew. It keeps what was
 * published, and 12 to 24 bytes for each user of a page in a window.
 */
export class PageResults {
  readonly #topic: string;
  readonly #findings: Findings;
  readonly #homes: readonly Home[];
  readonly #users = new PairSet();
  #rows = 0;

  constructor(topic: string, cut: Cut, findings: Findings) {
    this.#topic = topic;
    this.#findings = findings;
    this.#homes = cut.map(() => ({
      windows: new Map(),
      closedUntil: undefined,
      isClosedUntilOvertaken: false,
    }));
  }

  /** Takes a record of the topic, in the order of offsets. */
  take({ partition, resultEnds, state }: Task, record: RecordCursor): void {
    const home = this.#homes[partition];
    if (!home || !state) return;
    const offset = Number(record.offset);
    const isBelow = offset < (resultEnds.get(this.#topic) ?? 0);
    const where = `${this.#topic} [${partition}] @ ${offset}`;
    const report = (kind: string, text: string) => {
      this.#findings.addRecord(kind, 'windows', partition, `${where} ${text}`, { offset });
    };
    const key = record.key();
    const keyText = key && isUtf8(key) ? key.toString('utf8') : '';
    const value = record.value();
    if (keyText.startsWith(CLOSED_UNTIL)) {
      const closedUntil = closedUntilRecord.safeParse(jsonOf(value)).data;
      if (closedUntil?.partition !== partition || keyText !== `${CLOSED_UNTIL}${partition}`)
        report('unreadable', 'does not say how far the windows of its partition are closed');
      else if (!isBelow) home.isClosedUntilOvertaken = true;
      else {
        const before = home.closedUntil;
        if (before && closedUntil.closedUntil < before.closedUntil)
          report(
            'opened again',
            `says that windows are closed until ${closedUntil.closedUntil}, after ${before.closedUntil}`,
          );
        home.closedUntil = closedUntil;
      }
      return;
    }
    const parts = KEY.exec(keyText)?.groups;
    const result = pageResult.safeParse(jsonOf(value)).data;
    if (!parts || (value !== null && !result)) {
      report('unreadable', 'is no result of a window');
      return;
    }
    const start = Number(parts['start']);
    const { sizeMs, advanceMs } = state.windows;
    if (
      Number(parts['partition']) !== partition ||
      start % advanceMs !== 0 ||
      (result &&
        (result.partition !== partition ||
          result.windowStart !== start ||
          result.windowEnd !== start + sizeMs ||
          result.page !== parts['page']))
    ) {
      report('unfit', `is no result of a window of partition ${partition} that its key names`);
      return;
    }
    const row = this.#rowOf(windowOf(home, start), keyText, parts['page'] ?? '');
    if (row.isFinal)
      report(
        'after final',
        `is ${result?.final ? 'a second final result' : result ? 'a result' : 'a tombstone'} of ${JSON.stringify(keyText)} after the final one`,
      );
    if (result?.final) row.isFinal = true;
    if (!isBelow) row.isOvertaken = true;
    else
      row.published = result && {
        clicks: result.clicks,
        users: result.users,
        usersExact: result.usersExact,
        isFinal: result.final,
      };
  }

  /**
   * Whether less is open than the checkpoint says, and there are results above the cut: then compaction may have removed
   * those below it that they replace. Of what is closed nothing comes later that could.
   */
  isCompacted({ partition, sums, state }: Task): boolean {
    const home = this.#homes[partition];
    if (!home || !state) return false;
    let isOvertaken = false;
    let pages = 0;
    let clicks = 0;
    for (const { rows } of home.windows.values())
      for (const row of rows.values()) {
        if (row.isOvertaken) isOvertaken = true;
        if (!row.published || row.published.isFinal) continue;
        pages++;
        clicks += row.published.clicks;
      }
    return isOvertaken && (pages < Number(sums['openPages']) || clicks < Number(sums['windowClicks']));
  }

  /**
   * Adds a click to its windows but those that it missed.
   *
   * @param user a number that is different for each user.
   */
  count(
    { partition, state }: Task,
    timestamp: number,
    page: string,
    user: number,
    missed: readonly number[] | undefined,
    isUncertain: boolean,
  ): void {
    const home = this.#homes[partition];
    if (!home || !state) return;
    for (const start of windowStarts(timestamp, state.windows)) {
      if (missed?.includes(start)) continue;
      const window = windowOf(home, start);
      const row = this.#rowOfClick(window, `${start}/${partition}/`, page);
      row.clicks++;
      if (isUncertain) row.isUncertain = true;
      if (this.#users.add(row.number, user)) row.users++;
    }
  }

  /** Takes note of a click that may have been counted, and was not by {@link count}. */
  doubt({ partition, state }: Task, timestamp: number, page: string): void {
    const home = this.#homes[partition];
    if (!home || !state) return;
    for (const start of windowStarts(timestamp, state.windows))
      this.#rowOfClick(windowOf(home, start), `${start}/${partition}/`, page).isUncertain = true;
  }

  /** Compares a partition, its key with the least window start that differs first. */
  compare(
    { partition, state, sums, sequence }: Task,
    completenessByHome: readonly Completeness[],
    logStarts: readonly number[],
    problems: Findings,
    gaps: Findings,
  ): PageComparison {
    const home = this.#homes[partition];
    const completeness = completenessByHome[partition];
    const logStart = logStarts[partition] ?? 0;
    if (!home || !state || !completeness) return { results: 0, differing: 0 };
    const closeTime = state.clock?.closeTime ?? -Infinity;
    let results = 0;
    let differing = 0;
    const open = { windows: 0, pages: 0, clicks: 0 };
    let areWindowsLeft = false;
    for (const start of [...home.windows.keys()].sort((one, other) => one - other)) {
      const window = windowOf(home, start);
      const isClosed = start + state.windows.sizeMs <= closeTime;
      const isFoldedInPart = state.changedSettings.includes('maxPages') && mayBeFoldedInPart(window);
      let ownPages = 0;
      let openPages = 0;
      for (const [page, row] of window.rows) {
        if (row.published || row.clicks > 0) results++;
        if (row.published) {
          if (page !== OTHER) ownPages++;
          if (!row.published.isFinal) {
            openPages++;
            open.clicks += row.published.clicks;
          }
        }
        // What one transaction has no room for is closed by the next ones.
        const canBeFinal = isClosed && state.isClosing ? [true, false] : [isClosed];
        const ofRow = isFoldedInPart
          ? { ...completeness, clicks: completeness.clicks && page !== OTHER, letters: false }
          : completeness;
        if (!this.#compareRow(row, partition, canBeFinal, ofRow, logStart, problems, gaps)) differing++;
      }
      if (isFoldedInPart) {
        gaps.addRecord(
          'folded in part',
          'windows',
          partition,
          `${this.#topic} "${start}/${partition}/…": a page was folded into (other) until there was room for it, so that pages were compared together`,
        );
        if (!this.#compareSum(window, start, partition, completeness, logStart, problems, gaps)) differing++;
      }
      if (openPages > 0) {
        open.windows++;
        if (isClosed) areWindowsLeft = true;
      }
      open.pages += openPages;
      this.#checkRoom(window, start, ownPages, state, partition, logStart, problems);
    }
    this.#checkClosedUntil(home, partition, state, areWindowsLeft, logStart, problems);
    this.#checkSums(home, { partition, sums, sequence }, open, logStart, problems);
    return { results, differing };
  }

  /** Returns whether nothing is wrong. */
  #compareRow(
    row: Row,
    partition: number,
    canBeFinal: readonly boolean[],
    completeness: Completeness,
    logStart: number,
    problems: Findings,
    gaps: Findings,
  ): boolean {
    const { key, published } = row;
    const what = `${this.#topic} ${JSON.stringify(key)}`;
    const found = { key, expected: row.clicks, found: published?.clicks ?? 0 };
    if (!published) {
      if (row.clicks === 0 || !completeness.letters) return true;
      if (row.isOvertaken || logStart > 0 || row.isUncertain) {
        gaps.addRecord(
          'removed',
          'windows',
          partition,
          `${what}: its result is gone, by ${row.isOvertaken ? 'compaction' : 'retention'}`,
          found,
        );
        return true;
      }
      problems.addRecord(
        'missing',
        'windows',
        partition,
        `${what}: expected ${row.clicks} clicks, and there is no result`,
        found,
      );
      return false;
    }
    // Compaction may have left an older one below the cut for a while.
    if (row.isOvertaken && published.clicks < row.clicks && completeness.letters) {
      gaps.addRecord('removed', 'windows', partition, `${what}: its result was compacted`, found);
      return true;
    }
    const isExcused = row.isUncertain || !completeness.copies;
    const differ = (kind: string, text: string, facts: { expected?: number; found?: number }) => {
      (isExcused ? gaps : problems).addRecord(kind, 'windows', partition, `${what}: ${text}`, {
        key,
        ...facts,
      });
      return isExcused;
    };
    if (!canBe(published.clicks, row.clicks, completeness))
      return differ('clicks', `expected ${row.clicks} clicks, found ${published.clicks}`, found);
    const { users } = published;
    const canUsersBe = published.usersExact
      ? canBe(users, row.users, completeness)
      : users <= row.users || !completeness.clicks;
    if (!canUsersBe)
      return differ(
        'users',
        `expected ${published.usersExact ? '' : 'at most '}${row.users} distinct users, found ${users}`,
        { expected: row.users, found: users },
      );
    if (canBeFinal.includes(published.isFinal)) return true;
    problems.addRecord(
      'final',
      'windows',
      partition,
      `${what}: ${published.isFinal ? 'its result is final, and the window is open' : 'the window is closed, and its result is not final'}`,
      { key },
    );
    return false;
  }

  /** Compares all pages of a window together; returns whether nothing is wrong. */
  #compareSum(
    { rows }: Window,
    start: number,
    partition: number,
    completeness: Completeness,
    logStart: number,
    problems: Findings,
    gaps: Findings,
  ): boolean {
    let expected = 0;
    let found = 0;
    let isExcused = !completeness.copies;
    let mayBeGone = logStart > 0;
    for (const { clicks, published, isUncertain, isOvertaken } of rows.values()) {
      expected += clicks;
      found += published?.clicks ?? 0;
      isExcused ||= isUncertain;
      mayBeGone ||= isOvertaken;
    }
    if (canBe(found, expected, completeness)) return true;
    const isGap = isExcused || (mayBeGone && found < expected);
    (isGap ? gaps : problems).addRecord(
      'sum',
      'windows',
      partition,
      `${this.#topic} "${start}/${partition}/…": expected ${expected} clicks on all pages together, found ${found}`,
      { expected, found },
    );
    return isGap;
  }

  #checkRoom(
    window: Window,
    start: number,
    ownPages: number,
    { settings: { maxPages }, changedSettings }: ClickState,
    partition: number,
    logStart: number,
    problems: Findings,
  ): void {
    if (changedSettings.includes('maxPages') || logStart > 0) return;
    const text = `${this.#topic} "${start}/${partition}/…"`;
    if (ownPages > maxPages)
      problems.addRecord(
        'too many pages',
        'windows',
        partition,
        `${text}: ${ownPages} pages are kept apart, and there is room for ${maxPages}`,
        { expected: maxPages, found: ownPages },
      );
    // A page of that very name takes a place.
    if (window.hasFolded && ownPages < maxPages - 1 && ![...window.rows.values()].some(wasRemoved))
      problems.addRecord(
        'folded',
        'windows',
        partition,
        `${text}: pages are counted as ${OTHER} though only ${ownPages} are kept apart and there is room for ${maxPages}`,
        { expected: maxPages, found: ownPages },
      );
  }

  #checkClosedUntil(
    { closedUntil, isClosedUntilOvertaken }: Home,
    partition: number,
    { clock, isIdle, isClosing, windows: { advanceMs } }: ClickState,
    areWindowsLeft: boolean,
    logStart: number,
    problems: Findings,
  ): void {
    if (!clock || isClosedUntilOvertaken || (!closedUntil && logStart > 0)) return;
    const expected = Math.floor(clock.closeTime / advanceMs) * advanceMs;
    const what = `${this.#topic} "${CLOSED_UNTIL}${partition}"`;
    const found = closedUntil?.closedUntil;
    // It is written when the last of the windows is closed, though sessions may be left.
    if (isClosing && areWindowsLeft && (found ?? -Infinity) < expected) return;
    if (found !== expected)
      problems.addRecord(
        'closedUntil',
        'windows',
        partition,
        `${what}: expected ${expected}, found ${found ?? 'nothing'}`,
        { expected, ...(found !== undefined && { found }) },
      );
    else if (closedUntil?.idle !== isIdle)
      problems.addRecord(
        'idle',
        'windows',
        partition,
        `${what}: the checkpoint says that the partition is ${isIdle ? '' : 'not '}idle, and this the opposite`,
      );
    else if (closedUntil.streamTime > clock.streamTime)
      problems.addRecord(
        'stream time',
        'windows',
        partition,
        `${what}: stream time ${closedUntil.streamTime} is after that of the checkpoint, ${clock.streamTime}`,
        { expected: clock.streamTime, found: closedUntil.streamTime },
      );
  }

  #checkSums(
    { windows }: Home,
    { partition, sums, sequence }: Pick<Task, 'partition' | 'sums' | 'sequence'>,
    open: { readonly windows: number; readonly pages: number; readonly clicks: number },
    logStart: number,
    problems: Findings,
  ): void {
    for (const [name, found] of [
      ['openWindows', open.windows],
      ['openPages', open.pages],
      ['windowClicks', open.clicks],
    ] as const) {
      const expected = Number(sums[name]);
      if (found === expected) continue;
      const mayBeGone =
        logStart > 0 ||
        [...windows.values()].some(({ rows }) => [...rows.values()].some(({ isOvertaken }) => isOvertaken));
      if (found < expected && mayBeGone) continue;
      problems.add(
        'sums',
        partition,
        `${name} in partition ${partition}: expected ${expected}, found ${found} (checkpoint ${sequence})`,
        { expected, found },
      );
    }
  }

  #rowOfClick(window: Window, prefix: string, page: string): Row {
    const own = window.rows.get(page);
    if (own) return own;
    const other = page === OTHER ? undefined : window.rows.get(OTHER);
    if (!other) return this.#rowOf(window, prefix + page, page);
    window.hasFolded = true;
    return other;
  }

  #rowOf(window: Window, key: string, page: string): Row {
    let row = window.rows.get(page);
    if (!row) {
      row = {
        number: this.#rows++,
        key,
        published: undefined,
        isFinal: false,
        isOvertaken: false,
        clicks: 0,
        users: 0,
        isUncertain: false,
      };
      window.rows.set(page, row);
    }
    return row;
  }
}

/**
 * Whether a page has fewer clicks than its own beside an `(other)`: while there was room for fewer pages, one may have been folded
 * that was kept apart later. Nothing else makes it so.
 */
function mayBeFoldedInPart({ rows }: Window): boolean {
  if (!rows.has(OTHER)) return false;
  for (const [page, { published, clicks }] of rows)
    if (page !== OTHER && published && published.clicks < clicks) return true;
  return false;
}

/** The starts of all windows that a time is in, the first one first. */
export function windowStarts(
  timestamp: number,
  { sizeMs, advanceMs }: Pick<ClickState['windows'], 'sizeMs' | 'advanceMs'>,
): number[] {
  const starts: number[] = [];
  const last = timestamp - (timestamp % advanceMs);
  // A window is as long as some advances.
  for (let start = last + advanceMs - sizeMs; start <= last; start += advanceMs) starts.push(start);
  return starts;
}

function windowOf({ windows }: Home, start: number): Window {
  let window = windows.get(start);
  if (!window) {
    window = { rows: new Map(), hasFolded: false };
    windows.set(start, window);
  }
  return window;
}

function wasRemoved({ published, clicks, isOvertaken }: Row): boolean {
  return !published && clicks > 0 && isOvertaken;
}
