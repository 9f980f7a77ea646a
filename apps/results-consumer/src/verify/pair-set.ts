const FEWEST_SLOTS = 1 << 10;
const FULL = 0.7;

/** A set of pairs of whole numbers below 2^32 - 1, in 12 to 24 bytes a pair. */
export class PairSet {
  #slots = FEWEST_SLOTS;
  #size = 0;
  /** Both numbers of a pair, one after the other, the first one by 1 greater; 0 is free. */
  #pairs = new Uint32Array(2 * FEWEST_SLOTS);

  /** Returns whether the pair was not there. */
  add(one: number, other: number): boolean {
    if (this.#size + 1 > this.#slots * FULL) this.#grow();
    const isNew = this.#put(one + 1, other);
    if (isNew) this.#size++;
    return isNew;
  }

  #put(one: number, other: number): boolean {
    const mask = this.#slots - 1;
    let at = (Math.imul(one, 0x9e3779b1) ^ Math.imul(other, 0x85ebca77)) >>> 0;
    for (at = (at ^ (at >>> 15)) & mask; ; at = (at + 1) & mask) {
      const found = this.#pairs[2 * at];
      if (found === 0) break;
      if (found === one && this.#pairs[2 * at + 1] === other) return false;
    }
    this.#pairs[2 * at] = one;
    this.#pairs[2 * at + 1] = other;
    return true;
  }

  #grow(): void {
    const pairs = this.#pairs;
    this.#slots *= 2;
    this.#pairs = new Uint32Array(2 * this.#slots);
    for (let at = 0; at < pairs.length; at += 2) {
      const one = pairs[at] ?? 0;
      if (one !== 0) this.#put(one, pairs[at + 1] ?? 0);
    }
  }
}
