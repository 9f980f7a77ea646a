import { isUtf8 } from 'node:buffer';
import type { RecordCursor } from '@clickstream/kafka-client';
import { z } from 'zod';
import type { ClickState } from './checkpoint-record.ts';
import type { Findings } from './findings.ts';
import { jsonOf } from './json-of.ts';
import { PairSet } from './pair-set.ts';
import type { Cut, Task } from './take-cut.ts';

/** The page that stands for all those that a window has no room for. */
export const OTHER_PAGES = '(other)';
/** Before the partition in the key of the record that says how far its windows are closed. */
export const CLOSED_UNTIL_PREFIX = 'closedUntil/';
const KEY = /^(?<start>-?\d{1,15})\/(?<partition>\d{1,9})\/(?<page>[^]+)$/;

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

/** A page in a window, of the clicks of one partition: as it was published, and counted anew. */
export interface PageRow {
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

/** A window of one partition, with the pages that were published or clicked in it. */
export interface PageWindow {
  readonly start: number;
  /** By page. */
  readonly rows: Map<string, PageRow>;
  /** Whether other pages than those that it keeps apart were counted in `(other)`. */
  hasFolded: boolean;
}

/** The windows of one partition, and how far it says that they are closed. */
export interface PartitionWindows {
  /** By their start. */
  readonly windows: Map<number, PageWindow>;
  closedUntil: ClosedUntil | undefined;
  isClosedUntilOvertaken: boolean;
}

/**
 * Clicks and distinct users of each page in each window: as they were published, and counted anew. It keeps what was
 * published, and 12 to 24 bytes for each user of a page in a window.
 */
export class PageResults {
  readonly topic: string;
  readonly #findings: Findings;
  readonly #homes: readonly PartitionWindows[];
  readonly #users = new PairSet();
  #rows = 0;

  constructor(topic: string, cut: Cut, findings: Findings) {
    this.topic = topic;
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
    const isBelow = offset < (resultEnds.get(this.topic) ?? 0);
    const where = `${this.topic} [${partition}] @ ${offset}`;
    const report = (kind: string, text: string) => {
      this.#findings.addRecord(kind, 'windows', partition, `${where} ${text}`, { offset });
    };
    const key = record.key();
    const keyText = key && isUtf8(key) ? key.toString('utf8') : '';
    const value = record.value();
    if (keyText.startsWith(CLOSED_UNTIL_PREFIX)) {
      const closedUntil = closedUntilRecord.safeParse(jsonOf(value)).data;
      if (closedUntil?.partition !== partition || keyText !== `${CLOSED_UNTIL_PREFIX}${partition}`)
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
    const { pages, clicks, mayBeGone } = openOf(home);
    return mayBeGone && (pages < Number(sums['openPages']) || clicks < Number(sums['windowClicks']));
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

  /** The windows of a partition. Ask after all records were taken and all clicks counted. */
  of(partition: number): PartitionWindows | undefined {
    return this.#homes[partition];
  }

  #rowOfClick(window: PageWindow, prefix: string, page: string): PageRow {
    const own = window.rows.get(page);
    if (own) return own;
    const other = page === OTHER_PAGES ? undefined : window.rows.get(OTHER_PAGES);
    if (!other) return this.#rowOf(window, prefix + page, page);
    window.hasFolded = true;
    return other;
  }

  #rowOf(window: PageWindow, key: string, page: string): PageRow {
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

/** What is open by the newest records below the cut. */
interface OpenWindows {
  readonly windows: number;
  readonly pages: number;
  readonly clicks: number;
  /** Whether some may have been removed by compaction. */
  readonly mayBeGone: boolean;
}

/** Adds up what is open in a partition. */
export function openOf({ windows }: PartitionWindows): OpenWindows {
  const open = { windows: 0, pages: 0, clicks: 0, mayBeGone: false };
  for (const { rows } of windows.values()) {
    const pagesBefore = open.pages;
    for (const { published, isOvertaken } of rows.values()) {
      if (isOvertaken) open.mayBeGone = true;
      if (!published || published.isFinal) continue;
      open.pages++;
      open.clicks += published.clicks;
    }
    if (open.pages > pagesBefore) open.windows++;
  }
  return open;
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

function windowOf({ windows }: PartitionWindows, start: number): PageWindow {
  let window = windows.get(start);
  if (!window) {
    window = { start, rows: new Map(), hasFolded: false };
    windows.set(start, window);
  }
  return window;
}
