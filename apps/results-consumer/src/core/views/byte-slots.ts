import { Column } from './column.ts';

const CHUNK_BITS = 20;
const CHUNK_BYTES = 1 << CHUNK_BITS;
/** Byte strings begin and end at multiples of this. */
const UNIT_BITS = 4;
const UNIT_BYTES = 1 << UNIT_BITS;
const UNITS_PER_CHUNK_BITS = CHUNK_BITS - UNIT_BITS;
const LONGEST = 0xffff;

/**
 * One byte string for each whole number from 0 on, replaced at any time. As strings a million of them would be a million
 * objects that the garbage collector goes through again and again; here they are some chunks of bytes, and 6 bytes each.
 *
 * What is given up is taken again by strings of the same number of units, so that no more room is ever taken than all strings of
 * that length needed at the time when there were most of them.
 */
export class ByteSlots {
  /** Unit at which the string begins, counted over all chunks. */
  readonly #starts = new Column((count) => new Uint32Array(count));
  readonly #lengths = new Column((count) => new Uint16Array(count));
  readonly #chunks: Buffer[] = [];
  /** The next unit that was never taken. */
  #free = 0;
  /** By number of units: the first place that was given up, + 1; 0 for none. Each has in its first bytes where the next is. */
  readonly #givenUp: number[] = [];

  /** @throws RangeError for 64 KiB or more */
  set(id: number, bytes: Buffer, start: number, end: number): void {
    const length = end - start;
    if (length > LONGEST) throw new RangeError(`a text has ${length} bytes`);
    const units = unitsOf(length);
    const unitsBefore = unitsOf(this.#lengths.get(id));
    if (units !== unitsBefore) {
      this.#giveUp(this.#starts.get(id), unitsBefore);
      this.#starts.set(id, this.#take(units));
    }
    this.#lengths.set(id, length);
    if (length === 0) return;
    const unit = this.#starts.get(id);
    bytes.copy(this.#chunkOf(unit), placeOf(unit), start, end);
  }

  /** As UTF-8; empty for a number that has none. */
  text(id: number): string {
    const length = this.#lengths.get(id);
    if (length === 0) return '';
    const unit = this.#starts.get(id);
    const place = placeOf(unit);
    return this.#chunkOf(unit).toString('utf8', place, place + length);
  }

  #take(units: number): number {
    if (units === 0) return 0;
    const known = this.#givenUp[units] ?? 0;
    if (known !== 0) {
      const unit = known - 1;
      this.#givenUp[units] = this.#chunkOf(unit).readUInt32LE(placeOf(unit));
      return unit;
    }
    // None lies in two chunks.
    const left = (this.#chunks.length << UNITS_PER_CHUNK_BITS) - this.#free;
    if (units > left) {
      this.#free += left;
      this.#chunks.push(Buffer.allocUnsafeSlow(CHUNK_BYTES));
    }
    const unit = this.#free;
    this.#free += units;
    return unit;
  }

  #giveUp(unit: number, units: number): void {
    if (units === 0) return;
    this.#chunkOf(unit).writeUInt32LE(this.#givenUp[units] ?? 0, placeOf(unit));
    this.#givenUp[units] = unit + 1;
  }

  #chunkOf(unit: number): Buffer {
    const chunk = this.#chunks[unit >>> UNITS_PER_CHUNK_BITS];
    if (!chunk) throw new RangeError(`there is no unit ${unit}`);
    return chunk;
  }
}

function unitsOf(length: number): number {
  return (length + UNIT_BYTES - 1) >>> UNIT_BITS;
}

function placeOf(unit: number): number {
  return (unit << UNIT_BITS) & (CHUNK_BYTES - 1);
}
