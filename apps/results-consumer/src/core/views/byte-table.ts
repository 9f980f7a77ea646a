import { Column } from './column.ts';

const CHUNK_BYTES = 1 << 20;
const CHUNK_BITS = 20;
const FIRST_SLOTS = 2_048;
const LONGEST = 0xffff;

/**
 * Numbers byte strings: each new one gets the next whole number from 0 on. A million keys of a dozen bytes take 26 MB,
 * a third of what a Map of strings takes, and no Map holds more than 16.7 million.
 */
export class ByteTable {
  readonly #seed: number;
  /** Number + 1 at the place that its hash leads to, 0 where nothing is: at least in half of them. */
  #slots = new Uint32Array(FIRST_SLOTS);
  readonly #starts = new Column((length) => new Uint32Array(length));
  readonly #lengths = new Column((length) => new Uint16Array(length));
  readonly #chunks: Buffer[] = [];
  /** The next free byte, counted over all chunks; 2^32 at most. */
  #free = 0;
  #size = 0;

  /** @param seed whole number nobody can guess, so that nobody can choose keys which all lead to one place. */
  constructor(seed: number) {
    this.#seed = seed | 0;
  }

  /** How many there are. */
  get size(): number {
    return this.#size;
  }

  /** The number of the key `bytes[start, end)`, -1 if it is not there. */
  find(bytes: Buffer, start: number, end: number): number {
    const slot = this.#slotOf(bytes, start, end);
    return (this.#slots[slot] ?? 0) - 1;
  }

  /**
   * The number of the key `bytes[start, end)`, which is there from now on. Keeps a copy.
   *
   * @throws RangeError for a key of 64 KiB or more, and when all keys together reach 4 GiB.
   */
  add(bytes: Buffer, start: number, end: number): number {
    const slot = this.#slotOf(bytes, start, end);
    const known = this.#slots[slot] ?? 0;
    if (known !== 0) return known - 1;
    const id = this.#size;
    this.#starts.set(id, this.#store(bytes, start, end));
    this.#lengths.set(id, end - start);
    this.#slots[slot] = id + 1;
    this.#size = id + 1;
    if (2 * this.#size === this.#slots.length) this.#grow();
    return id;
  }

  /** The key as UTF-8 text. */
  text(id: number): string {
    const start = this.#starts.get(id);
    const from = start & (CHUNK_BYTES - 1);
    return this.#chunks[start >>> CHUNK_BITS]?.toString('utf8', from, from + this.#lengths.get(id)) ?? '';
  }

  /** Less than 0 if the first key stands before the second by its bytes, 0 if it is the same. */
  compare(first: number, second: number): number {
    const start = this.#starts.get(first);
    const from = start & (CHUNK_BYTES - 1);
    const otherStart = this.#starts.get(second);
    const otherFrom = otherStart & (CHUNK_BYTES - 1);
    const chunk = this.#chunks[start >>> CHUNK_BITS];
    const otherChunk = this.#chunks[otherStart >>> CHUNK_BITS];
    if (!chunk || !otherChunk) throw new RangeError(`there is no key ${chunk ? second : first}`);
    const end = from + this.#lengths.get(first);
    const otherEnd = otherFrom + this.#lengths.get(second);
    // Where many users have as many clicks, every one of them comes here: nothing is allocated.
    return chunk.compare(otherChunk, otherFrom, otherEnd, from, end);
  }

  #store(bytes: Buffer, start: number, end: number): number {
    const length = end - start;
    if (length > LONGEST) throw new RangeError(`a key has ${length} bytes`);
    // No key lies in two chunks.
    const left = this.#chunks.length * CHUNK_BYTES - this.#free;
    if (length > left) {
      this.#free += left;
      if (this.#free + CHUNK_BYTES > 2 ** 32) throw new RangeError('there is no room for more keys');
      this.#chunks.push(Buffer.allocUnsafeSlow(CHUNK_BYTES));
    }
    const free = this.#free;
    const chunk = this.#chunks.at(-1);
    if (chunk) bytes.copy(chunk, free & (CHUNK_BYTES - 1), start, end);
    this.#free += length;
    return free;
  }

  /** FNV-1a, whose last bits are mixed once more because the slot is taken from them. */
  #hash(bytes: Buffer, start: number, end: number): number {
    let hash = 0x811c9dc5 ^ this.#seed;
    for (let index = start; index < end; index += 1) hash = Math.imul(hash ^ (bytes[index] ?? 0), 0x01000193);
    hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
    return (hash ^ (hash >>> 12)) >>> 0;
  }

  /** Of a key that is there; reckoned anew as often as the table doubles, for which it would take 4 bytes to be kept. */
  #hashOf(id: number): number {
    const start = this.#starts.get(id);
    const chunk = this.#chunks[start >>> CHUNK_BITS];
    if (!chunk) throw new RangeError(`there is no key ${id}`);
    const from = start & (CHUNK_BYTES - 1);
    return this.#hash(chunk, from, from + this.#lengths.get(id));
  }

  /** Where the key is, or the empty place where it would be. */
  #slotOf(bytes: Buffer, start: number, end: number): number {
    const mask = this.#slots.length - 1;
    for (let slot = this.#hash(bytes, start, end) & mask; ; slot = (slot + 1) & mask) {
      const id = (this.#slots[slot] ?? 0) - 1;
      if (id < 0 || this.#isAt(id, bytes, start, end)) return slot;
    }
  }

  #isAt(id: number, bytes: Buffer, start: number, end: number): boolean {
    if (this.#lengths.get(id) !== end - start) return false;
    const stored = this.#starts.get(id);
    const chunk = this.#chunks[stored >>> CHUNK_BITS];
    const from = stored & (CHUNK_BYTES - 1);
    for (let index = 0; index < end - start; index += 1)
      if (chunk?.[from + index] !== bytes[start + index]) return false;
    return true;
  }

  #grow(): void {
    const slots = new Uint32Array(2 * this.#slots.length);
    const mask = slots.length - 1;
    for (let id = 0; id < this.#size; id += 1) {
      let slot = this.#hashOf(id) & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = id + 1;
    }
    this.#slots = slots;
  }
}
