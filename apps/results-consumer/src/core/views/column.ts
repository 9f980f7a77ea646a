const CHUNK_BITS = 14;
const CHUNK_MASK = (1 << CHUNK_BITS) - 1;

type NumberArray = Float64Array | Uint32Array | Int32Array | Uint16Array;

/**
 * A number for each whole number from 0 on, 0 at first. It grows by a chunk at a time: an array that is copied into one twice as
 * long leaves a hole behind that the process keeps, and room that nobody needs.
 */
export class Column {
  readonly #create: (length: number) => NumberArray;
  readonly #chunks: NumberArray[] = [];

  /** @param create makes a chunk, of the kind that the numbers need. */
  constructor(create: (length: number) => NumberArray) {
    this.#create = create;
  }

  get(id: number): number {
    return this.#chunks[id >>> CHUNK_BITS]?.[id & CHUNK_MASK] ?? 0;
  }

  /** Numbers are set in turn, or anew: none is left out. */
  set(id: number, value: number): void {
    const chunk = (this.#chunks[id >>> CHUNK_BITS] ??= this.#create(1 << CHUNK_BITS));
    chunk[id & CHUNK_MASK] = value;
  }
}
