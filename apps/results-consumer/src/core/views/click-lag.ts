import type { Books } from './books.ts';

/** A stretch of the click topic that is not counted yet: offsets `[from, to)`. */
export interface Waiting {
  readonly partition: number;
  readonly from: number;
  readonly to: number;
}

/** Clicks that came close after one another: offsets `[first, last]`. */
interface Arrivals {
  readonly first: number;
  last: number;
  /** Of the first of them. */
  readonly timestampMs: number;
}

interface Partition {
  start: number;
  end: number;
  /** Of offsets `[emptyFrom, emptyTo)` nothing but transaction markers was found, which hold no click. */
  emptyFrom: number;
  emptyTo: number;
  /** Clicks seen since it runs, oldest first, at most `ARRIVALS_MAX`. */
  readonly arrivals: Arrivals[];
  /** What was found when a stretch was looked at. */
  looked: { readonly from: number; readonly to: number; readonly timestampMs: number } | undefined;
}

/** Clicks that came within so long are taken for one: an age is known to a tenth of a second. */
const ARRIVALS_APART_MS = 100;
/** At least 100 s of clicks, of each partition; how old what waits for longer is has to be looked up. */
const ARRIVALS_MAX = 1_000;

/** How far the counting is behind the clicks. */
export class ClickLag {
  readonly #books: Books;
  readonly #partitions = new Map<number, Partition>();

  constructor(books: Books) {
    this.#books = books;
  }

  /** Where the log of a partition begins, and where what may be read of it ends. */
  setBounds(partition: number, start: number, end: number): void {
    Object.assign(this.#partition(partition), { start, end });
  }

  /** Takes note of a click as it comes, by its Kafka timestamp, ms since the epoch; of each partition in order of offset. */
  noteClick(partition: number, offset: number, timestampMs: number): void {
    const { arrivals } = this.#partition(partition);
    const newest = arrivals.at(-1);
    // A timestamp from the future must not make one arrival of all that follow it.
    if (newest && Math.abs(timestampMs - newest.timestampMs) < ARRIVALS_APART_MS) {
      newest.last = offset;
      return;
    }
    arrivals.push({ first: offset, last: offset, timestampMs });
    if (arrivals.length > ARRIVALS_MAX) arrivals.shift();
  }

  /** What is not counted yet, by the newest checkpoints; everything in a partition that has none. */
  waiting(): Waiting[] {
    return [...this.#partitions].flatMap(([partition, { start, end, emptyFrom, emptyTo }]) => {
      const position = Math.max(this.#books.position(partition) ?? start, start);
      const from = position >= emptyFrom && position < emptyTo ? emptyTo : position;
      return from >= end ? [] : [{ partition, from, to: end }];
    });
  }

  /**
   * Takes note of the first click in a stretch that was waiting: its Kafka timestamp, ms since the epoch, undefined if there
   * is none.
   */
  noteOldest({ partition, from, to }: Waiting, timestampMs: number | undefined): void {
    const known = this.#partition(partition);
    if (timestampMs !== undefined) {
      known.looked = { from, to, timestampMs };
      return;
    }
    if (from !== known.emptyTo) known.emptyFrom = from;
    known.emptyTo = to;
  }

  /** Clicks that were not counted as of the newest checkpoints, those on their way between partitions included. */
  records(): number {
    return this.waiting().reduce((sum, { from, to }) => sum + to - from, this.#books.inFlight);
  }

  /**
   * Age of the oldest click that is not counted, s; one decimal; 0 if none waits in the click topic. Null while it is not known:
   * one waits that came before this began and was not looked at yet.
   */
  seconds(nowMs: number): number | null {
    const since = this.waiting().map((waiting) => this.#oldest(waiting));
    if (since.includes(undefined)) return null;
    const ages = since.map((timestampMs) => nowMs - (timestampMs ?? nowMs));
    return Math.round(Math.max(0, ...ages) / 100) / 10;
  }

  /** Timestamp of the first click of a stretch, or when it cannot be older; undefined if that is not known. */
  #oldest({ partition, from }: Waiting): number | undefined {
    const { arrivals, looked } = this.#partition(partition);
    const [earliest] = arrivals;
    if (earliest && earliest.first <= from)
      return arrivals[arrivals.findLastIndex(({ last }) => last < from) + 1]?.timestampMs;
    // Counting may have gone on within the stretch since: what is left of it is no older. It says nothing of what came later.
    return looked && looked.from <= from && from < looked.to ? looked.timestampMs : undefined;
  }

  #partition(partition: number): Partition {
    const known = this.#partitions.get(partition);
    if (known) return known;
    const empty = {
      ...{ start: 0, end: 0, emptyFrom: 0, emptyTo: 0 },
      arrivals: [],
      looked: undefined,
    };
    this.#partitions.set(partition, empty);
    return empty;
  }
}
