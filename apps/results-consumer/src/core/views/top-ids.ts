/**
 * The `limit` foremost of many ids whose rank hardly ever gets worse, found without sorting or keeping the others: a
 * heap with the last of the foremost on top.
 */
export class TopIds {
  readonly #limit: number;
  readonly #isBefore: (first: number, second: number) => boolean;
  readonly #all: () => Iterable<number>;
  readonly #heap: number[] = [];
  readonly #places = new Map<number, number>();
  /** The foremost as they were asked for last, until one gets better. */
  #ranked: readonly number[] | undefined;
  /** Whether one of the foremost got worse, so that somebody outside of them may have moved up. */
  #isStale = false;

  /**
   * @param isBefore whether the first id ranks before the second, by what is known of them now.
   * @param all every id that has a rank: asked for anew once one of the foremost got worse.
   */
  constructor(
    limit: number,
    isBefore: (first: number, second: number) => boolean,
    all: () => Iterable<number>,
  ) {
    this.#limit = limit;
    this.#isBefore = isBefore;
    this.#all = all;
  }

  /** An id that is new or whose rank got better. */
  raise(id: number): void {
    const place = this.#places.get(id);
    if (place !== undefined) {
      this.#sink(place);
    } else if (this.#heap.length < this.#limit) {
      this.#heap.push(id);
      this.#places.set(id, this.#heap.length - 1);
      this.#rise(this.#heap.length - 1);
    } else {
      const last = this.#heap[0];
      if (last === undefined || !this.#isBefore(id, last)) return;
      this.#places.delete(last);
      this.#heap[0] = id;
      this.#places.set(id, 0);
      this.#sink(0);
    }
    this.#ranked = undefined;
  }

  /** An id whose rank got worse, or that has none any more. */
  lower(id: number): void {
    if (this.#places.has(id)) this.#isStale = true;
  }

  /** The foremost, so many at most, in their order: few are found without sorting all. */
  ranked(count: number): readonly number[] {
    if (this.#isStale) this.#findAnew();
    const wanted = Math.min(count, this.#heap.length);
    if (this.#ranked && this.#ranked.length >= wanted) return this.#ranked.slice(0, wanted);
    const ranked: number[] = [];
    // From the back, where the better ones are as a rule.
    for (const id of this.#heap.toReversed()) {
      const last = ranked.at(-1);
      if (ranked.length === wanted && last !== undefined && !this.#isBefore(id, last)) continue;
      ranked.splice(this.#placeIn(ranked, id), 0, id);
      if (ranked.length > wanted) ranked.pop();
    }
    this.#ranked = ranked;
    return ranked;
  }

  #findAnew(): void {
    this.#isStale = false;
    this.#heap.length = 0;
    this.#places.clear();
    this.#ranked = undefined;
    for (const id of this.#all()) this.raise(id);
  }

  /** How many of those that are ranked come before this one. */
  #placeIn(ranked: readonly number[], id: number): number {
    let least = 0;
    let most = ranked.length;
    while (least < most) {
      const middle = (least + most) >>> 1;
      if (this.#isBefore(id, ranked[middle] ?? -1)) most = middle;
      else least = middle + 1;
    }
    return least;
  }

  #rise(from: number): void {
    let place = from;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (!this.#isLess(place, parent)) return;
      this.#swap(place, parent);
      place = parent;
    }
  }

  #sink(from: number): void {
    let place = from;
    for (;;) {
      const left = 2 * place + 1;
      let least = place;
      if (left < this.#heap.length && this.#isLess(left, least)) least = left;
      if (left + 1 < this.#heap.length && this.#isLess(left + 1, least)) least = left + 1;
      if (least === place) return;
      this.#swap(place, least);
      place = least;
    }
  }

  /** Whether the id at the first place ranks behind the one at the second. */
  #isLess(first: number, second: number): boolean {
    return this.#isBefore(this.#heap[second] ?? -1, this.#heap[first] ?? -1);
  }

  #swap(first: number, second: number): void {
    const id = this.#heap[first] ?? -1;
    const other = this.#heap[second] ?? -1;
    this.#heap[first] = other;
    this.#heap[second] = id;
    this.#places.set(other, first).set(id, second);
  }
}
