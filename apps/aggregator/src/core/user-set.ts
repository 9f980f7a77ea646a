const FIRST_SLOTS = 4;

/**
 * A set of users by their numbers: open addressing in an Int32Array, 8 to 16 bytes a user where a Set takes 40. There
 * is one for each page of each open window.
 */
export class UserSet {
  /** Number + 1; 0 is free. Its length is a power of two. */
  #slots = new Int32Array(FIRST_SLOTS);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** @param user a whole number from 0 on. */
  add(user: number): void {
    if (!insert(this.#slots, user + 1)) return;
    this.#size++;
    if (this.#size * 4 <= this.#slots.length * 3) return;
    const slots = new Int32Array(this.#slots.length * 2);
    for (const entry of this.#slots) if (entry !== 0) insert(slots, entry);
    this.#slots = slots;
  }
}

/** Returns whether the entry was not there. */
function insert(slots: Int32Array, entry: number): boolean {
  const mask = slots.length - 1;
  // Fibonacci hashing: numbers in sequence land far apart.
  let at = (Math.imul(entry, 0x9e3779b1) >>> 7) & mask;
  for (let found = slots[at]; found !== 0; found = slots[at]) {
    if (found === entry) return false;
    at = (at + 1) & mask;
  }
  slots[at] = entry;
  return true;
}
