/** Something that is going to happen. */
interface Pending {
  readonly dueMs: number;
  readonly order: number;
  readonly happen: () => boolean;
}

/**
 * Virtual time, and the one queue of all that is pending: requests and responses under way, markers, timers, faults.
 * Delays are drawn from the seed, so the order in which things happen is.
 */
export class Scheduler {
  nowMs = 0;
  steps = 0;
  readonly #heap: Pending[] = [];
  #order = 0;

  /** @param happen returns whether code of the engine may have run. */
  after(delayMs: number, happen: () => boolean): void {
    const heap = this.#heap;
    const pending = { dueMs: this.nowMs + Math.max(0, delayMs), order: this.#order++, happen };
    let at = heap.push(pending) - 1;
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = heap[above];
      if (!parent || isBefore(parent, pending)) break;
      heap[at] = parent;
      at = above;
    }
    heap[at] = pending;
  }

  /** Lets the next thing happen, and whatever the engine does on account of it; false if there is nothing. */
  async step(): Promise<boolean> {
    const next = this.#take();
    if (!next) return false;
    this.nowMs = next.dueMs;
    this.steps++;
    // The engine waits for nothing but ports, so that it stands still once its promise callbacks have run. Node runs all
    // of them before the next tick; a turn of the event loop would do as well, and costs a system call.
    if (next.happen())
      await new Promise<void>((resolve) => {
        process.nextTick(resolve);
      });
    return true;
  }

  /** Lets the event loop turn, as no step does: until then nothing is collected that a WeakRef was asked for. */
  static async turn(): Promise<void> {
    await new Promise<void>((resolve) => setImmediate(resolve));
  }

  #take(): Pending | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (!first || !last || heap.length === 0) return first;
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      let child = heap[below];
      if (!child) break;
      const right = heap[below + 1];
      if (right && isBefore(right, child)) {
        child = right;
        below++;
      }
      if (isBefore(last, child)) break;
      heap[at] = child;
      at = below;
    }
    heap[at] = last;
    return first;
  }
}

function isBefore(one: Pending, other: Pending): boolean {
  return one.dueMs < other.dueMs || (one.dueMs === other.dueMs && one.order < other.order);
}
