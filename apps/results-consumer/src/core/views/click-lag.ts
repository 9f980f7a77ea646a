import type { Books } from './books.ts';

/** A stretch of the click topic that is not counted yet: offsets `[from, to)`. */
export interface Waiting {
  readonly partition: number;
  readonly from: number;
  readonly to: number;
}

interface Partition {
  start: number;
  end: number;
  /** Of offsets `[emptyFrom, emptyTo)` nothing but transaction markers was found, which hold no click. */
  emptyFrom: number;
  emptyTo: number;
  ageMs: number;
}

/** How far the counting is behind the clicks. */
export class ClickLag {
  readonly #books: Books;
  readonly #partitions = new Map<number, Partition>();

  constructor(books: Books) {
    this.#books = books;
  }

  /** Where the log of a partition begins, and where what may be read of it ends. */
  setBounds(partition: number, start: number, end: number): void {
    const known = this.#partitions.get(partition);
    if (known) Object.assign(known, { start, end });
    else this.#partitions.set(partition, { start, end, emptyFrom: 0, emptyTo: 0, ageMs: 0 });
  }

  /** What is not counted yet, by the newest checkpoints; everything in a partition that has none. */
  waiting(): Waiting[] {
    return [...this.#partitions].flatMap(([partition, { start, end, emptyFrom, emptyTo }]) => {
      const position = Math.max(this.#books.position(partition) ?? start, start);
      const from = position >= emptyFrom && position < emptyTo ? emptyTo : position;
      return from >= end ? [] : [{ partition, from, to: end }];
    });
  }

  /** Takes note of the first click in a stretch that was waiting: its age in ms, undefined if there is none. */
  noteOldest({ partition, from, to }: Waiting, ageMs: number | undefined): void {
    const known = this.#partitions.get(partition);
    if (!known) return;
    known.ageMs = Math.max(0, ageMs ?? 0);
    if (ageMs !== undefined) return;
    if (from !== known.emptyTo) known.emptyFrom = from;
    known.emptyTo = to;
  }

  /** Clicks that were not counted as of the newest checkpoints, those on their way between partitions included. */
  records(): number {
    return this.waiting().reduce((sum, { from, to }) => sum + to - from, this.#books.inFlight);
  }

  /** Age of the oldest click that was not counted when last looked, s; one decimal. */
  seconds(): number {
    const ages = this.waiting().map(({ partition }) => this.#partitions.get(partition)?.ageMs ?? 0);
    return Math.round(Math.max(0, ...ages) / 100) / 10;
  }
}
