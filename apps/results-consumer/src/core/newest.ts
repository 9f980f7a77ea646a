/** Keeps the newest `limit` of the items that it is given. */
export class Newest<Item> {
  readonly #limit: number;
  #items: Item[] = [];

  constructor(limit: number) {
    this.#limit = limit;
  }

  push(item: Item): void {
    this.#items.push(item);
    // Cutting off one by one would move the whole array each time.
    if (this.#items.length >= 2 * this.#limit + 64) this.#items = this.items();
  }

  /** Oldest first. */
  items(): Item[] {
    return this.#limit === 0 ? [] : this.#items.slice(-this.#limit);
  }
}
