/** A binary heap: the item with the least deadline is at hand. Keys are apart from items, so that sifting reads one array. */
export class DeadlineHeap<T> {
  readonly #deadlines: number[] = [];
  readonly #items: T[] = [];

  /** The least deadline, Infinity if there is none. */
  get first(): number {
    return this.#deadlines[0] ?? Infinity;
  }

  /** The item with the least deadline. */
  get firstItem(): T | undefined {
    return this.#items[0];
  }

  push(deadline: number, item: T): void {
    this.#deadlines.push(deadline);
    this.#items.push(item);
    this.#siftUp(this.#items.length - 1, deadline, item);
  }

  /** Takes the first item out. */
  pop(): void {
    const deadline = this.#deadlines.pop();
    const item = this.#items.pop();
    if (deadline !== undefined && item !== undefined && this.#items.length > 0)
      this.#siftDown(deadline, item);
  }

  /** Gives the first item a later deadline. */
  postpone(deadline: number): void {
    const item = this.#items[0];
    if (item !== undefined) this.#siftDown(deadline, item);
  }

  #siftUp(from: number, deadline: number, item: T): void {
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#move(parent, at, deadline, 1)) break;
      at = parent;
    }
    this.#deadlines[at] = deadline;
    this.#items[at] = item;
  }

  #siftDown(deadline: number, item: T): void {
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if ((this.#deadlines[child + 1] ?? Infinity) < (this.#deadlines[child] ?? Infinity)) child++;
      if (child >= this.#items.length || !this.#move(child, at, deadline, -1)) break;
      at = child;
    }
    this.#deadlines[at] = deadline;
    this.#items[at] = item;
  }

  /** Moves what is at `from` to `to` if it has to stand there; `sign` says on which side of `deadline` it must be. */
  #move(from: number, to: number, deadline: number, sign: 1 | -1): boolean {
    const moved = this.#deadlines[from];
    const item = this.#items[from];
    if (moved === undefined || item === undefined || (moved - deadline) * sign <= 0) return false;
    this.#deadlines[to] = moved;
    this.#items[to] = item;
    return true;
  }
}
