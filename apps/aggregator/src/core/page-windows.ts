import { CLICK_EVENT_LIMITS, OTHER_PAGES, type PageClicks } from '@clickstream/schema';
import { DeadlineHeap } from './deadline-heap.ts';
import type { ReadRecord, InputName } from './inputs.ts';
import type { TimeWindows } from './time-windows.ts';
import { UserSet } from './user-set.ts';
import { WriteOrder, type Written } from './write-order.ts';

export interface PageWindowsOptions {
  readonly partition: number;
  readonly windows: TimeWindows;
  /**
   * Pages that a window keeps apart, if they come to 256 characters each on average and 8,192 beside; clicks on a page for
   * which there is no room are counted as `(other)`.
   */
  readonly maxPages: number;
}

/** An open window. */
interface OpenWindow {
  readonly start: number;
  readonly end: number;
  readonly pages: Map<string, PageOfWindow>;
  /** Characters of the pages that are kept apart. */
  pageCharacters: number;
  /** The lowest offset of a click in it, for each input that has one. */
  readonly from: Record<InputName, bigint | undefined>;
  isOpen: boolean;
}

/** One page of an open window. */
interface PageOfWindow extends Written<PageOfWindow> {
  readonly page: string;
  readonly window: OpenWindow;
  clicks: number;
  users: UserSet;
  /** Distinct users as they were published before a restart. */
  usersAtLeast: number;
  usersExact: boolean;
  /** Whether it is to be written by the next flush. */
  isChanged: boolean;
  /** Whether that is its final record. */
  isClosed: boolean;
}

/** A single page, as long as a url may be, always finds room. */
const FREE_CHARACTERS = CLICK_EVENT_LIMITS.urlLength.max;
/** What pages may take beyond that, each on average: so long ones cannot exhaust memory either. */
const CHARACTERS_PER_PAGE = 256;

/** What a result takes at most beside its page, in key and value together. */
const RESULT_BYTES = 250;

/**
 * Clicks and distinct users of each page in each open window. What changed is written once per flush; when a window
 * closes, each of its pages is written once more as final, and never again.
 */
export class PageWindows {
  readonly #options: PageWindowsOptions;
  readonly #windows = new Map<number, OpenWindow>();
  /** Also of windows that are open no more, until they come up. */
  readonly #ends = new DeadlineHeap<OpenWindow>();
  /** Open windows in the order of their first click of each input, which is that of its offsets. */
  readonly #byFirst: Readonly<Record<InputName, Set<OpenWindow>>> = {
    input: new Set(),
    repartition: new Set(),
  };
  readonly #order = new WriteOrder<PageOfWindow>();
  #changed: PageOfWindow[] = [];
  #changedBytes = 0;
  /** The window of the click before, which is most often that of the next one. */
  #recent: OpenWindow | undefined;
  /** The page that got memory of its own last. */
  #copied = '';
  #pages = 0;
  #clicks = 0;

  constructor(options: PageWindowsOptions) {
    this.#options = options;
  }

  /** The least end of an open window, Infinity if none is open. */
  get nextEnd(): number {
    while (this.#ends.firstItem?.isOpen === false) this.#ends.pop();
    return this.#ends.first;
  }

  get openWindows(): number {
    return this.#windows.size;
  }

  /** Pages of all open windows. */
  get openPages(): number {
    return this.#pages;
  }

  /** Σ clicks of the open windows. */
  get clicks(): number {
    return this.#clicks;
  }

  /** Records that `flush` would write now. */
  get heldBack(): number {
    return this.#changed.length;
  }

  /** Their bytes, by estimate: characters count as one byte each. */
  get heldBackBytes(): number {
    return this.#changedBytes;
  }

  /** Where the results have to be read from to restore what is open. */
  get resultsFrom(): bigint {
    return this.#order.from;
  }

  /**
   * Adds a click to each open window that it is in.
   *
   * @param closeTime windows that end there or before are closed.
   * @returns how many windows it came too late for; they are the first ones.
   */
  count(
    eventTime: number,
    page: string,
    user: number,
    closeTime: number,
    input: InputName,
    record: ReadRecord,
  ): number {
    const { windows } = this.#options;
    const lastStart = windows.lastStart(eventTime);
    let missed = 0;
    for (let start = windows.firstStart(eventTime); start <= lastStart; start += windows.advanceMs) {
      if (start + windows.sizeMs <= closeTime) {
        missed++;
        continue;
      }
      const window = this.#open(start, start + windows.sizeMs);
      this.#noteFirst(window, input, record);
      const entry = this.#pageOf(window, page);
      entry.clicks++;
      entry.users.add(user);
      this.#clicks++;
      this.#change(entry);
    }
    return missed;
  }

  /**
   * Closes the windows that end at `closeTime` or before, in the order of their ends and page by page, until the room
   * is full. The rest stays open: call it again with the same time, until no such window is left, before the next
   * click is read.
   */
  close(closeTime: number, room: { isFull(): boolean }): void {
    while (this.nextEnd <= closeTime) {
      const window = this.#ends.firstItem;
      if (!window) return;
      // First of all the one that a rebuild would take for every page that is not there.
      const other = window.pages.get(OTHER_PAGES);
      if (other) {
        if (room.isFull()) return;
        this.#closePage(other);
      }
      for (const entry of window.pages.values()) {
        if (room.isFull()) return;
        this.#closePage(entry);
      }
      this.#drop(window);
    }
  }

  /**
   * Hands out what changed since the last time.
   *
   * @param write writes a result and returns the offset at which it will stand.
   */
  flush(write: (result: PageClicks) => bigint): void {
    const changed = this.#changed;
    this.#changed = [];
    this.#changedBytes = 0;
    for (const entry of changed) {
      entry.isChanged = false;
      const { page, window, clicks, usersExact } = entry;
      const offset = write({
        page,
        windowStart: window.start,
        windowEnd: window.end,
        partition: this.#options.partition,
        clicks,
        users: usersOf(entry),
        usersExact,
        final: entry.isClosed,
      });
      if (entry.isClosed) {
        this.#order.remove(entry);
        this.#order.reach(offset + 1n);
      } else this.#order.written(entry, offset);
    }
  }

  /** Offset after the last record known of the topic. */
  get resultsEnd(): bigint {
    return this.#order.end;
  }

  /** Another record of the topic ends at that offset, or its log was known to reach it. */
  reach(end: bigint): void {
    this.#order.reach(end);
  }

  /** Takes over a published result; in offset order, the newest one of a page in a window wins. */
  restore(result: PageClicks, offset: bigint): void {
    const { page, windowStart, windowEnd, clicks, users, usersExact, final } = result;
    if (final && !this.#windows.get(windowStart)?.pages.has(page)) {
      this.reach(offset + 1n);
      return;
    }
    const window = this.#open(windowStart, windowEnd);
    const entry = this.#pageOf(window, page, true);
    this.#clicks += clicks - entry.clicks;
    entry.clicks = clicks;
    entry.usersAtLeast = users;
    entry.usersExact = usersExact;
    this.#order.written(entry, offset);
    if (!final) return;
    this.#order.remove(entry);
    this.#remove(entry);
    if (window.pages.size === 0) this.#drop(window);
  }

  /** Takes the user of a click that was counted before a restart, for the windows of it that are still open. */
  rebuild(eventTime: number, page: string, user: number, input: InputName, record: ReadRecord): void {
    const { windows } = this.#options;
    const lastStart = windows.lastStart(eventTime);
    for (let start = windows.firstStart(eventTime); start <= lastStart; start += windows.advanceMs) {
      const window = this.#windows.get(start);
      if (!window) continue;
      this.#noteFirst(window, input, record);
      (window.pages.get(page) ?? window.pages.get(OTHER_PAGES))?.users.add(user);
    }
  }

  /** Clicks of the open windows are gone that `rebuild` should have seen: from now on their users are a lower bound. */
  loseUsers(): void {
    for (const window of this.#windows.values())
      for (const entry of window.pages.values()) {
        entry.usersExact = false;
        this.#change(entry);
      }
  }

  /**
   * After a rebuild: where it did not come to as many users as were published, they are a lower bound from now on. Copies
   * with one id and different content lead there, and a click whose page had no room and has an entry of its own since.
   */
  checkUsers(): void {
    for (const window of this.#windows.values())
      for (const entry of window.pages.values()) {
        if (!entry.usersExact || entry.users.size === entry.usersAtLeast) continue;
        entry.usersExact = false;
        // Who is in it need not have been on that page.
        entry.users = new UserSet();
        this.#change(entry);
      }
  }

  /** The lowest offset of that input that holds a click of an open window. */
  rebuildFrom(input: InputName): bigint | undefined {
    const [first] = this.#byFirst[input];
    return first?.from[input];
  }

  #open(start: number, end: number): OpenWindow {
    if (this.#recent?.start === start) return this.#recent;
    let window = this.#windows.get(start);
    if (!window) {
      const from = { input: undefined, repartition: undefined };
      window = { start, end, pages: new Map(), pageCharacters: 0, from, isOpen: true };
      this.#windows.set(start, window);
      this.#ends.push(end, window);
    }
    this.#recent = window;
    return window;
  }

  /** The page's entry in a window, or that of all other pages if there is no room, unless `hasRoom`. */
  #pageOf(window: OpenWindow, page: string, hasRoom = false): PageOfWindow {
    const known = window.pages.get(page);
    if (known) return known;
    if (!hasRoom && page !== OTHER_PAGES && !this.#hasRoom(window, page))
      return this.#pageOf(window, OTHER_PAGES);
    const entry: PageOfWindow = {
      page: this.#copyOf(page),
      window,
      clicks: 0,
      users: new UserSet(),
      usersAtLeast: 0,
      usersExact: true,
      isChanged: false,
      isClosed: false,
      writtenAt: -1,
      writtenBefore: undefined,
      writtenAfter: undefined,
    };
    window.pages.set(entry.page, entry);
    window.pageCharacters += page.length;
    this.#pages++;
    return entry;
  }

  #hasRoom({ pages, pageCharacters }: OpenWindow, page: string): boolean {
    const { maxPages } = this.#options;
    return (
      pages.size < maxPages &&
      pageCharacters + page.length <= FREE_CHARACTERS + CHARACTERS_PER_PAGE * maxPages
    );
  }

  /** A page with memory of its own, one for all windows of a click: as a slice it would hold the whole url. */
  #copyOf(page: string): string {
    if (page !== this.#copied) this.#copied = Buffer.from(page, 'utf16le').toString('utf16le');
    return this.#copied;
  }

  #closePage(entry: PageOfWindow): void {
    entry.isClosed = true;
    this.#remove(entry);
    this.#change(entry);
  }

  #remove({ window, page, clicks }: PageOfWindow): void {
    window.pages.delete(page);
    this.#pages--;
    this.#clicks -= clicks;
  }

  #noteFirst(window: OpenWindow, input: InputName, { offset }: ReadRecord): void {
    if (window.from[input] !== undefined) return;
    window.from[input] = offset;
    this.#byFirst[input].add(window);
  }

  /** A window without pages is open no more. */
  #drop(window: OpenWindow): void {
    window.isOpen = false;
    this.#byFirst.input.delete(window);
    this.#byFirst.repartition.delete(window);
    this.#windows.delete(window.start);
    this.#recent = undefined;
  }

  #change(entry: PageOfWindow): void {
    if (entry.isChanged) return;
    entry.isChanged = true;
    this.#changed.push(entry);
    this.#changedBytes += RESULT_BYTES + 2 * entry.page.length;
  }
}

function usersOf({ users, usersAtLeast }: PageOfWindow): number {
  return Math.max(users.size, usersAtLeast);
}
