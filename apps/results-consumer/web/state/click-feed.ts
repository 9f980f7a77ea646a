import type { ShownClick } from '../../src/serve/click-stream.ts';

/** An event of the stream of raw clicks. */
export interface ClicksEvent {
  /** Oldest first. */
  readonly clicks: readonly ShownClick[];
  /** Such as `1 of 4`; null if they are all that came. */
  readonly sampled: string | null;
  /** How many there were. */
  readonly seen: number;
}

export const CLICK_ROWS = 10;
/** How many rows come in a second at most: more nobody can read. */
export const ROWS_PER_SECOND = 3;

/** How many rows come at once after a while without any. */
const BURST_ROWS = 3;
/** Clicks that wait for their turn; of more, those that came last. */
const WAITING_MAX = 64;
const MEAN_MS = 5_000;

/** Which record a click is; no two have the same. */
export function clickKey({ partition, offset }: ShownClick): string {
  return `${partition}/${offset}`;
}

/** The live clicks as they are shown: the newest rows, at a pace that can be read, and which part of all they are. */
export class ClickFeed {
  #rows: readonly ShownClick[] = [];
  #waiting: readonly ShownClick[] = [];
  #seenWaiting = 0;
  #events: { readonly atMs: number; readonly seen: number; readonly shown: number }[] = [];
  #isStopped = false;
  #seenWhileStopped = 0;
  /** Rows that may come now, with a fraction for the next one. */
  #allowed = BURST_ROWS;
  #allowedAtMs = -Infinity;

  /** Newest first. */
  get rows(): readonly ShownClick[] {
    return this.#rows;
  }

  get isStopped(): boolean {
    return this.#isStopped;
  }

  /** How many came since it was stopped. */
  get seenWhileStopped(): number {
    return this.#seenWhileStopped;
  }

  take({ clicks, seen }: ClicksEvent, nowMs: number): void {
    if (this.#isStopped) {
      this.#seenWhileStopped += seen;
      return;
    }
    this.#waiting = [...this.#waiting, ...clicks].slice(-WAITING_MAX);
    this.#seenWaiting += seen;
    this.advance(nowMs);
  }

  /** Lets in what may come by now. @returns ms until it has to be asked again; undefined if nothing waits */
  advance(nowMs: number): number | undefined {
    if (this.#waiting.length === 0) return undefined;
    // A clock that was set back must not take away what may come.
    const elapsedMs = Math.max(0, nowMs - this.#allowedAtMs);
    this.#allowed = Math.min(BURST_ROWS, this.#allowed + (elapsedMs * ROWS_PER_SECOND) / 1_000);
    this.#allowedAtMs = nowMs;
    const may = Math.floor(this.#allowed);
    if (may === 0) return Math.ceil(((1 - this.#allowed) * 1_000) / ROWS_PER_SECOND);
    const shown = spread(this.#waiting, may);
    const keys = new Set(shown.map(clickKey));
    this.#rows = [...shown.toReversed(), ...this.#rows.filter((row) => !keys.has(clickKey(row)))].slice(
      0,
      CLICK_ROWS,
    );
    this.#allowed -= shown.length;
    this.#events.push({ atMs: nowMs, seen: this.#seenWaiting, shown: shown.length });
    this.#waiting = [];
    this.#seenWaiting = 0;
    return undefined;
  }

  /** Stands still, or goes on with what comes from now on. */
  setStopped(isStopped: boolean): void {
    if (isStopped === this.#isStopped) return;
    this.#isStopped = isStopped;
    this.#seenWhileStopped = this.#seenWaiting;
    this.#waiting = [];
    this.#seenWaiting = 0;
    this.#events = [];
  }

  clear(): void {
    this.#rows = [];
    this.#waiting = [];
    this.#seenWaiting = 0;
    this.#seenWhileStopped = 0;
    this.#events = [];
  }

  /** Of how many clicks about one is shown, in the last 5 s; 1 only if all are. */
  oneOf(nowMs: number): number {
    this.#events = this.#events.filter(({ atMs }) => Math.abs(nowMs - atMs) < MEAN_MS);
    const sum = (entry: 'seen' | 'shown') => this.#events.reduce((total, event) => total + event[entry], 0);
    const [seen, shown] = [sum('seen'), sum('shown')];
    return seen <= shown ? 1 : Math.max(2, Math.round(seen / shown));
  }
}

/** So many of the items, evenly spread, the last always among them. */
function spread<Item>(items: readonly Item[], limit: number): readonly Item[] {
  if (items.length <= limit) return items;
  return Array.from(
    { length: limit },
    (_, index) => items[Math.ceil(((index + 1) * items.length) / limit) - 1],
  ).filter((item) => item !== undefined);
}
