/** Some of many things that come within a while, evenly spread, and how many there were. */
export class ClickSample<Item> {
  readonly #limit: number;
  #kept: Item[] = [];
  #stride = 1;
  #seen = 0;

  /** @param limit how many are kept at most. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  push(item: Item): void {
    if (this.#seen % this.#stride === 0) {
      if (this.#kept.length === this.#limit) {
        this.#kept = this.#kept.filter((_, index) => index % 2 === 0);
        this.#stride *= 2;
      }
      if (this.#seen % this.#stride === 0) this.#kept.push(item);
    }
    this.#seen += 1;
  }

  /** What was kept, oldest first: one of each `stride` of those `seen`. Begins anew. */
  take(): { readonly kept: readonly Item[]; readonly stride: number; readonly seen: number } {
    const taken = { kept: this.#kept, stride: this.#stride, seen: this.#seen };
    this.#kept = [];
    this.#stride = 1;
    this.#seen = 0;
    return taken;
  }
}
