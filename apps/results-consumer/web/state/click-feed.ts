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

/** How many rows there are, and how many of them one event may bring: more, four times a second, nobody can follow. */
export const CLICK_ROWS = 10;
export const ROWS_PER_EVENT = 4;

const MEAN_MS = 5_000;

/** The live clicks as they are shown: the newest rows, held while paused, and which part of all they are. */
export class ClickFeed {
  #rows: readonly ShownClick[] = [];
  #events: { readonly atMs: number; readonly seen: number; readonly shown: number }[] = [];
  #isPaused = false;
  #seenWhilePaused = 0;

  /** Newest first. */
  get rows(): readonly ShownClick[] {
    return this.#rows;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** How many came since it was paused. */
  get seenWhilePaused(): number {
    return this.#seenWhilePaused;
  }

  take({ clicks, seen }: ClicksEvent, nowMs: number): void {
    if (this.#isPaused) {
      this.#seenWhilePaused += seen;
      return;
    }
    const shown = spread(clicks, ROWS_PER_EVENT);
    this.#rows = [...shown.toReversed(), ...this.#rows].slice(0, CLICK_ROWS);
    this.#events.push({ atMs: nowMs, seen, shown: shown.length });
  }

  setPaused(isPaused: boolean): void {
    this.#isPaused = isPaused;
    this.#seenWhilePaused = 0;
    this.#events = [];
  }

  clear(): void {
    this.#rows = [];
    this.#events = [];
  }

  /** Of how many clicks one is shown, in the last 5 s; 1 if all are. */
  oneOf(nowMs: number): number {
    this.#events = this.#events.filter(({ atMs }) => nowMs - atMs < MEAN_MS);
    const sum = (entry: 'seen' | 'shown') => this.#events.reduce((total, event) => total + event[entry], 0);
    const shown = sum('shown');
    return shown === 0 ? 1 : Math.max(1, Math.round(sum('seen') / shown));
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
