import type { RecordOrigin } from './record-origin.ts';

/**
 * How many records there are, and which, in whatever order they are added: as many others have the same sum with odds of
 * one in 2^64.
 */
export class RecordSum {
  records = 0;
  #one = 0;
  #other = 0;

  /** Adds a record; one that nobody knows where it stood is none of those that are known. */
  add(origin: RecordOrigin | undefined): void {
    this.records++;
    if (!origin) return;
    let [one, other] = [0x9e3779b1, 0x41c6ce57];
    for (const word of wordsOf(origin)) {
      one = mixed(one ^ word, 0x85ebca6b);
      other = mixed(other ^ word, 0xc2b2ae35);
    }
    this.#one = (this.#one + mixed(one, 0xc2b2ae35)) | 0;
    this.#other = (this.#other + mixed(other ^ one, 0x85ebca6b)) | 0;
  }

  /** Whether the other one is of the same records. */
  equals(other: RecordSum): boolean {
    return this.records === other.records && this.#one === other.#one && this.#other === other.#other;
  }
}

function wordsOf({ partition, offset, ingestTime }: RecordOrigin): number[] {
  return [partition, offset, offset / 2 ** 32, ingestTime, ingestTime / 2 ** 32].map(Math.floor);
}

function mixed(word: number, factor: number): number {
  const product = Math.imul(word ^ (word >>> 16), factor);
  return product ^ (product >>> 13);
}
