import { checkSum } from './check-sum.ts';
import type { ClickState } from './checkpoint-record.ts';
import { canBe, type Completeness } from './completeness.ts';
import type { FindingFacts, Findings } from './findings.ts';
import {
  CLOSED_UNTIL_PREFIX,
  openOf,
  OTHER_PAGES,
  type PageResults,
  type PageRow,
  type PageWindow,
  type PartitionWindows,
} from './page-results.ts';
import type { Cut, Task } from './take-cut.ts';

/** Pages are kept apart if they come to so many characters each on average. */
const CHARACTERS_PER_PAGE = 256;

/** How the windows compare with the recount. */
export interface PageComparison {
  readonly results: number;
  readonly differing: number;
}

/**
 * Compares the pages of all windows; of those of a partition that differ in a way the first one is reported, in the window
 * with the least start.
 */
export function comparePages(
  pages: PageResults,
  cut: Cut,
  completeness: readonly Completeness[],
  logStarts: readonly number[],
  problems: Findings,
  gaps: Findings,
): PageComparison {
  let results = 0;
  let differing = 0;
  for (const task of cut) {
    const { partition, state } = task;
    const home = pages.of(partition);
    const left = completeness[partition];
    if (!home || !state || !left) continue;
    const comparison = new PartitionComparison(home, {
      topic: pages.topic,
      task,
      state,
      completeness: left,
      logStart: logStarts[partition] ?? 0,
      problems,
      gaps,
    });
    comparison.run();
    results += comparison.results;
    differing += comparison.differing;
  }
  return { results, differing };
}

/** What the windows of one partition are compared by, and where the findings go. */
interface Context {
  readonly topic: string;
  readonly task: Task;
  readonly state: ClickState;
  readonly completeness: Completeness;
  /** The first offset that retention has left of the results. */
  readonly logStart: number;
  readonly problems: Findings;
  readonly gaps: Findings;
}

/** The windows of one partition, in the order of their start. */
class PartitionComparison {
  results = 0;
  differing = 0;
  readonly #home: PartitionWindows;
  readonly #context: Context;

  constructor(home: PartitionWindows, context: Context) {
    this.#home = home;
    this.#context = context;
  }

  run(): void {
    const windows = [...this.#home.windows.values()].sort((one, other) => one.start - other.start);
    for (const window of windows) {
      this.#compareWindow(window);
      this.#checkRoom(window);
    }
    this.#checkClosedUntil();
    this.#checkSums();
  }

  #compareWindow(window: PageWindow): void {
    const { state, completeness, gaps } = this.#context;
    const isClosed = this.#isClosed(window);
    // What one transaction has no room for is closed by the next ones.
    const canBeFinal = isClosed && state.isClosing ? [true, false] : [isClosed];
    const isFoldedInPart = state.changedSettings.includes('maxPages') && mayBeFoldedInPart(window);
    for (const [page, row] of window.rows) {
      if (row.published || row.clicks > 0) this.results++;
      const ofRow = isFoldedInPart
        ? { ...completeness, clicks: completeness.clicks && page !== OTHER_PAGES, letters: false }
        : completeness;
      this.#compareRow(row, canBeFinal, ofRow);
    }
    if (!isFoldedInPart) return;
    const text =
      'a page was folded into (other) until there was room for it, so that pages were compared together';
    this.#report(gaps, 'folded in part', this.#keyOf(window), text);
    this.#compareSum(window);
  }

  #compareRow(row: PageRow, canBeFinal: readonly boolean[], completeness: Completeness): void {
    const { key, published } = row;
    const { problems, gaps } = this.#context;
    if (!published) {
      if (row.clicks > 0 && completeness.letters) this.#reportMissing(row);
      return;
    }
    const { clicks, users, usersExact, isFinal } = published;
    const facts = { key, expected: row.clicks, found: clicks };
    // Compaction may have left an older one below the cut for a while.
    if (row.isOvertaken && clicks < row.clicks && completeness.letters) {
      this.#differ(gaps, 'removed', key, 'its result was compacted', facts);
      return;
    }
    const list = row.isUncertain || !completeness.copies ? gaps : problems;
    if (!canBe(clicks, row.clicks, completeness)) {
      this.#differ(list, 'clicks', key, `expected ${row.clicks} clicks, found ${clicks}`, facts);
      return;
    }
    const canUsersBe = usersExact
      ? canBe(users, row.users, completeness)
      : users <= row.users || !completeness.clicks;
    if (!canUsersBe) {
      const text = `expected ${usersExact ? '' : 'at most '}${row.users} distinct users, found ${users}`;
      this.#differ(list, 'users', key, text, { key, expected: row.users, found: users });
      return;
    }
    if (canBeFinal.includes(isFinal)) return;
    const text = isFinal
      ? 'its result is final, and the window is open'
      : 'the window is closed, and its result is not final';
    this.#differ(problems, 'final', key, text, { key });
  }

  #reportMissing({ key, clicks, isOvertaken, isUncertain }: PageRow): void {
    const { logStart, problems, gaps } = this.#context;
    const facts = { key, expected: clicks, found: 0 };
    if (isOvertaken || logStart > 0 || isUncertain) {
      const text = `its result is gone, by ${isOvertaken ? 'compaction' : 'retention'}`;
      this.#differ(gaps, 'removed', key, text, facts);
    } else {
      this.#differ(problems, 'missing', key, `expected ${clicks} clicks, and there is no result`, facts);
    }
  }

  /** Compares all pages of a window together. */
  #compareSum(window: PageWindow): void {
    const { completeness, logStart, problems, gaps } = this.#context;
    let expected = 0;
    let found = 0;
    let isExcused = !completeness.copies;
    let mayBeGone = logStart > 0;
    for (const { clicks, published, isUncertain, isOvertaken } of window.rows.values()) {
      expected += clicks;
      found += published?.clicks ?? 0;
      isExcused ||= isUncertain;
      mayBeGone ||= isOvertaken;
    }
    if (canBe(found, expected, completeness)) return;
    const list = isExcused || (mayBeGone && found < expected) ? gaps : problems;
    const text = `expected ${expected} clicks on all pages together, found ${found}`;
    this.#differ(list, 'sum', this.#keyOf(window), text, { expected, found });
  }

  /** Checks that there are no more pages than a window has room for, and that none was folded while there was room. */
  #checkRoom(window: PageWindow): void {
    const { state, logStart, problems } = this.#context;
    if (state.changedSettings.includes('maxPages') || logStart > 0) return;
    const { maxPages } = state.settings;
    const rows = [...window.rows];
    const own = rows.filter(([page, { published }]) => published && page !== OTHER_PAGES);
    const ownPages = own.length;
    const ownCharacters = own.reduce((characters, [page]) => characters + page.length, 0);
    const key = this.#keyOf(window);
    const facts = { expected: maxPages, found: ownPages };
    if (ownPages > maxPages) {
      const text = `${ownPages} pages are kept apart, and there is room for ${maxPages}`;
      this.#report(problems, 'too many pages', key, text, facts);
    }
    // A page of that very name takes a place. The longest page finds room beside others of so many characters.
    const hasRoom = ownPages < maxPages - 1 && ownCharacters <= CHARACTERS_PER_PAGE * (maxPages - 1);
    if (window.hasFolded && hasRoom && !rows.some(([, row]) => wasRemoved(row))) {
      const text = `pages are counted as ${OTHER_PAGES} though only ${ownPages} are kept apart and there is room for ${maxPages}`;
      this.#report(problems, 'folded', key, text, facts);
    }
  }

  #checkClosedUntil(): void {
    const { closedUntil, isClosedUntilOvertaken } = this.#home;
    const { task, state, logStart, problems } = this.#context;
    const { clock, isIdle, isClosing, windows } = state;
    if (!clock || isClosedUntilOvertaken || (!closedUntil && logStart > 0)) return;
    const expected = Math.floor(clock.closeTime / windows.advanceMs) * windows.advanceMs;
    const found = closedUntil?.closedUntil;
    // It is written when the last of the windows is closed, though sessions may be left.
    if (isClosing && (found ?? -Infinity) < expected && this.#areClosedWindowsLeft()) return;
    const key = `${CLOSED_UNTIL_PREFIX}${task.partition}`;
    if (found !== expected)
      this.#report(problems, 'closedUntil', key, `expected ${expected}, found ${found ?? 'nothing'}`, {
        expected,
        ...(found !== undefined && { found }),
      });
    else if (closedUntil?.idle !== isIdle)
      this.#report(
        problems,
        'idle',
        key,
        `the checkpoint says that the partition is ${isIdle ? '' : 'not '}idle, and this the opposite`,
      );
    else if (closedUntil.streamTime > clock.streamTime)
      this.#report(
        problems,
        'stream time',
        key,
        `stream time ${closedUntil.streamTime} is after that of the checkpoint, ${clock.streamTime}`,
        { expected: clock.streamTime, found: closedUntil.streamTime },
      );
  }

  #checkSums(): void {
    const { task, logStart, problems } = this.#context;
    const { windows, pages, clicks, mayBeGone } = openOf(this.#home);
    for (const [name, found] of [
      ['openWindows', windows],
      ['openPages', pages],
      ['windowClicks', clicks],
    ] as const) {
      const sum = { told: Number(task.sums[name]), found, mayBeLess: mayBeGone || logStart > 0 };
      checkSum(name, task, sum, problems);
    }
  }

  #isClosed({ start }: PageWindow): boolean {
    const { clock, windows } = this.#context.state;
    return start + windows.sizeMs <= (clock?.closeTime ?? -Infinity);
  }

  /** Whether windows that are closed have results that are not final yet. */
  #areClosedWindowsLeft(): boolean {
    return [...this.#home.windows.values()].some(
      (window) =>
        this.#isClosed(window) &&
        [...window.rows.values()].some(({ published }) => published?.isFinal === false),
    );
  }

  /** Stands for the keys of all pages of a window. */
  #keyOf({ start }: PageWindow): string {
    return `${start}/${this.#context.task.partition}/…`;
  }

  /** Reports a result that is not as the recount says; one that is a problem differs. */
  #differ(list: Findings, kind: string, key: string, text: string, facts: FindingFacts): void {
    if (list === this.#context.problems) this.differing++;
    this.#report(list, kind, key, text, facts);
  }

  #report(list: Findings, kind: string, key: string, text: string, facts: FindingFacts = {}): void {
    const { topic, task } = this.#context;
    list.addRecord(kind, 'windows', task.partition, `${topic} ${JSON.stringify(key)}: ${text}`, facts);
  }
}

/**
 * Whether a page has fewer clicks than its own beside an `(other)`: while there was room for fewer pages, one may have been folded
 * that was kept apart later. Nothing else makes it so.
 */
function mayBeFoldedInPart({ rows }: PageWindow): boolean {
  if (!rows.has(OTHER_PAGES)) return false;
  for (const [page, { published, clicks }] of rows)
    if (page !== OTHER_PAGES && published && published.clicks < clicks) return true;
  return false;
}

function wasRemoved({ published, clicks, isOvertaken }: PageRow): boolean {
  return !published && clicks > 0 && isOvertaken;
}
