import { decodeClosedUntil, decodePageClicks, isClosedUntilKey, type ClosedUntil } from '@clickstream/schema';
import { shownText } from './shown-text.ts';
import { TopIds } from './top-ids.ts';
import type { ViewRecord } from './view-record.ts';

/** Clicks and distinct users of a page in a window, all partitions together. */
export interface PageTotal {
  /** Cut to 256 characters. */
  readonly page: string;
  /** Tells pages apart of which no more than the beginning is shown; the page itself where it is short enough. */
  readonly key: string;
  readonly clicks: number;
  readonly users: number;
}

/** The pages of one window, busiest first. Times are ms since the epoch, the end is not in the window. */
export interface PageWindow {
  readonly windowStart: number;
  readonly windowEnd: number;
  /**
   * Whether every partition that is not idle has closed it. One that was idle, or of which nothing was heard, may still add a click:
   * then it is taken back until that partition closes it.
   */
  readonly final: boolean;
  /** Whether `users` are exact; where they are not, they are at least that many. */
  readonly usersExact: boolean;
  readonly pages: readonly PageTotal[];
  /** Whether there was room for all of its pages; where not, `clicks` and `totalPages` are at least that many. */
  readonly complete: boolean;
  /** How many pages there are in it, those that were not asked for included. */
  readonly totalPages: number;
  readonly clicks: number;
  /** Starts of the windows that can be asked for, newest first. */
  readonly windows: readonly number[];
}

/** The most pages that can be asked for at once. */
export const TOP_PAGES_MAX = 1_000;

/** How many windows are kept. */
export const WINDOWS_MAX = 60;
/** A third of what the memory of all windows may take; text takes up to two bytes a character. */
const CHARACTERS_MAX = 12_000_000;
/** What a page takes beside its text with its first share, in characters, and what each further partition's share takes. */
const PAGE_OVERHEAD = 150;
const SHARE_OVERHEAD = 50;

interface Share {
  readonly clicks: number;
  readonly users: number;
  readonly usersExact: boolean;
}

interface Page {
  readonly name: string;
  /** Its place in the window's list. */
  readonly id: number;
  clicks: number;
  users: number;
  /** By partition. */
  readonly shares: Map<number, Share>;
}

/** What is known of a window, and its busiest pages, by clicks and then by name, at any time. */
class Window {
  end = 0;
  clicks = 0;
  inexactShares = 0;
  /** What its pages take, in characters. */
  characters = 0;
  /** Whether there was no room for all of its pages. */
  isCut = false;
  readonly pages = new Map<string, Page>();
  readonly #list: Page[] = [];
  readonly #top = new TopIds(
    TOP_PAGES_MAX,
    (first, second) => this.#isBefore(first, second),
    () => this.#list.keys(),
  );

  add(name: string): Page {
    const page: Page = { name, id: this.#list.length, clicks: 0, users: 0, shares: new Map() };
    this.pages.set(name, page);
    this.#list.push(page);
    return page;
  }

  /** A page has so many clicks more, or fewer. */
  ranks({ id }: Page, change: number): void {
    if (change < 0) this.#top.lower(id);
    else this.#top.raise(id);
  }

  busiest(limit: number): PageTotal[] {
    return this.#top.ranked(limit).map((id) => totalOf(this.#page(id)));
  }

  #page(id: number): Page {
    const page = this.#list[id];
    if (!page) throw new RangeError(`there is no page ${id}`);
    return page;
  }

  #isBefore(first: number, second: number): boolean {
    const one = this.#page(first);
    const other = this.#page(second);
    return one.clicks === other.clicks ? one.name < other.name : one.clicks > other.clicks;
  }
}

/**
 * The pages of the newest windows. At most 60 windows, and at most some 40 MB: the oldest go first, and pages for which
 * the newest has no room are left out, which makes it incomplete and its users inexact.
 */
export class PageWindows {
  readonly #windows = new Map<number, Window>();
  readonly #closed = new Map<number, ClosedUntil>();
  #characters = 0;
  /** Starts of the windows, newest first. */
  #starts: number[] = [];
  /** Newest start of the windows that had to go: what still comes for one of these is only a part of it. */
  #evictedUntil = -Infinity;

  /** Takes over a record of the topic of the page windows. @returns whether it could be read */
  apply(record: ViewRecord): boolean {
    const key = record.key();
    const value = record.value();
    if (isClosedUntilKey(key)) {
      const closed = decodeClosedUntil(key, value);
      if (closed.status === 'decoded') this.#closed.set(closed.value.partition, closed.value);
      return closed.status === 'decoded' || value === null;
    }
    // What retention or somebody deletes is gone from memory some windows later.
    if (value === null) return true;
    const decoded = decodePageClicks(key, value);
    if (decoded.status === 'malformed') return false;
    const { page, windowStart, windowEnd, partition, ...share } = decoded.value;
    const window = this.#windowOf(windowStart);
    if (!window) return true;
    window.end = windowEnd;
    this.#put(window, page, partition, share);
    this.#makeRoom();
    return true;
  }

  /** The window that now is in, or the newest before it; undefined while there is none. */
  current(nowMs: number): number | undefined {
    return this.#starts.find((start) => start <= nowMs) ?? this.#starts.at(-1);
  }

  /** A window by its start, with its busiest pages; undefined if it is not known (any more). */
  window(windowStart: number, limit: number): PageWindow | undefined {
    const window = this.#windows.get(windowStart);
    if (!window) return undefined;
    const { end, clicks, inexactShares, isCut } = window;
    return {
      windowStart,
      windowEnd: end,
      final: this.#isFinal(end),
      usersExact: inexactShares === 0 && !isCut,
      pages: window.busiest(limit),
      complete: !isCut,
      totalPages: window.pages.size,
      clicks,
      windows: this.#starts,
    };
  }

  #isFinal(windowEnd: number): boolean {
    // A partition of which nothing was heard counts as idle, but somebody must have closed the window.
    const partitions = [...this.#closed.values()];
    return (
      partitions.length > 0 && partitions.every(({ idle, closedUntil }) => idle || closedUntil >= windowEnd)
    );
  }

  #windowOf(start: number): Window | undefined {
    const known = this.#windows.get(start);
    if (known) return known;
    if (start <= this.#evictedUntil) return undefined;
    const window = new Window();
    this.#windows.set(start, window);
    this.#starts = [...this.#starts, start].sort((first, second) => second - first);
    return window;
  }

  #put(window: Window, page: string, partition: number, share: Share): void {
    let known = window.pages.get(page);
    if (!known) {
      if (!this.#charge(window, page.length + PAGE_OVERHEAD)) return;
      known = window.add(page);
    } else if (!known.shares.has(partition) && !this.#charge(window, SHARE_OVERHEAD)) {
      return;
    }
    const before = known.shares.get(partition);
    known.shares.set(partition, share);
    const change = share.clicks - (before?.clicks ?? 0);
    known.clicks += change;
    known.users += share.users - (before?.users ?? 0);
    window.clicks += change;
    window.ranks(known, change);
    window.inexactShares += Number(!share.usersExact) - Number(before?.usersExact === false);
  }

  /** Takes room for what a window is to hold. @returns whether there is that much */
  #charge(window: Window, characters: number): boolean {
    if (window.characters + characters > CHARACTERS_MAX) {
      window.isCut = true;
      return false;
    }
    window.characters += characters;
    this.#characters += characters;
    return true;
  }

  #makeRoom(): void {
    while (
      this.#starts.length > WINDOWS_MAX ||
      (this.#starts.length > 1 && this.#characters > CHARACTERS_MAX)
    ) {
      const oldest = this.#starts.at(-1) ?? 0;
      this.#characters -= this.#windows.get(oldest)?.characters ?? 0;
      this.#windows.delete(oldest);
      this.#evictedUntil = oldest;
      this.#starts = this.#starts.slice(0, -1);
    }
  }
}

/** The window that a record belongs to, by its key and unread; undefined if it is none of a page. */
export function windowStartOf(key: Buffer | null): string | undefined {
  return key === null ? undefined : /^-?\d{1,16}(?=\/)/.exec(key.toString('latin1', 0, 20))?.[0];
}

function totalOf({ name, clicks, users }: Page): PageTotal {
  return { page: shownText(name), key: keyOf(name), clicks, users };
}

/** Short, and another one for each page as far as nobody looks for two that have the same. */
function keyOf(page: string): string {
  const shown = shownText(page);
  if (shown === page) return page;
  // FNV-1a, http://www.isthe.com/chongo/tech/comp/fnv/
  let hash = 0x811c9dc5;
  for (let index = 0; index < page.length; index += 1)
    hash = Math.imul(hash ^ page.charCodeAt(index), 0x01000193);
  return `${shown}${page.length}-${(hash >>> 0).toString(36)}`;
}
