/** What an id's appearance comes to. */
export interface Appearance {
  /** Whether the id appeared within the horizon before. */
  isRepeated: boolean;
  /** Whether what became of it may depend on how far the inputs of the task were apart, which the log does not tell. */
  isUncertain: boolean;
  /** Whether another click has the same id, and came through another partition, so that either may be the first. */
  isOther: boolean;
  /** Whether one of its appearances so far, this one included, is not where it is counted. */
  isForwarded: boolean;
}

/** A horizon passes for the aggregator in steps, so that it may be this much longer: a step is a 16,384th of it. */
const STEPS_OF_HORIZON = 16_384;
const FEWEST_SLOTS = 1 << 12;
const FULL = 0.7;
const FORWARDED = 1;
const OTHER = 2;

/**
 * The ids that appeared within the last horizon or two of ingest time, as 64-bit hashes: two that differ are taken for one
 * with odds of n² / 2^65, at ten million ids one in 370,000. It takes 30 to 60 bytes an id.
 */
export class Appearances {
  readonly #horizonMs: number;
  readonly #stepMs: number;
  /** A generation spans a horizon. Older than the previous one is nothing that could be remembered. */
  #current = new Generation();
  #previous = new Generation();
  #startMs = -Infinity;
  /** The latest ingest time of a record that was read, which need not be the last one's. */
  #reachedMs = -Infinity;
  readonly #isKnown: boolean;
  readonly #found: Appearance = { isRepeated: false, isUncertain: false, isOther: false, isForwarded: false };

  /** @param horizonMs undefined if it was not always the same: then no repetition is certain. */
  constructor(horizonMs: number | undefined) {
    this.#isKnown = horizonMs !== undefined;
    this.#horizonMs = horizonMs ?? Infinity;
    this.#stepMs = 2 * Math.max(1, Math.ceil(this.#horizonMs / STEPS_OF_HORIZON));
  }

  /** Takes note of the ingest time of any record that the task has read: the horizon passes with it. */
  reach(ingestTime: number): void {
    if (ingestTime > this.#reachedMs) this.#reachedMs = ingestTime;
  }

  /**
   * Takes note of an appearance. Give them in the order of ingest time, as far as each input has them in that order: where
   * producers set it, one whose clock is ahead may make an id forgotten that comes again at an earlier time.
   *
   * @param content anything that differs for clicks that differ, a whole number below 2^32.
   * @param isForwarded whether the click is not where it is counted.
   * @param lastIngestTime no record that came later was counted yet.
   * @returns what it comes to; valid until the next call.
   */
  take(
    userId: string,
    id: string,
    content: number,
    ingestTime: number,
    isForwarded: boolean,
    lastIngestTime: number,
  ): Appearance {
    this.reach(ingestTime);
    if (this.#startMs === -Infinity) this.#startMs = ingestTime;
    if (ingestTime - this.#startMs > this.#horizonMs) {
      // However long ago it was: the clock that says so may be ahead of the others.
      this.#previous = this.#current;
      this.#current = new Generation();
      this.#startMs = ingestTime;
    }
    const [high, low] = hashOf(userId, id);
    const found = this.#found;
    found.isRepeated = found.isUncertain = found.isOther = false;
    found.isForwarded = isForwarded;
    let flags = isForwarded ? FORWARDED : 0;
    let at = this.#current.find(high, low);
    let generation = this.#current;
    if (!generation.isTaken(at)) {
      generation = this.#previous;
      at = generation.find(high, low);
    }
    if (generation.isTaken(at)) {
      const sinceMs = ingestTime - generation.lastAt(at);
      flags |= generation.flags(at);
      if (generation.content(at) !== content) flags |= OTHER;
      found.isOther = (flags & OTHER) !== 0 && (flags & FORWARDED) !== 0;
      found.isRepeated = sinceMs <= this.#horizonMs;
      const mayLag = (flags & FORWARDED) !== 0;
      found.isForwarded = mayLag;
      const reachedMs = mayLag ? Math.max(lastIngestTime, this.#reachedMs) : this.#reachedMs;
      const isUnsettled = found.isRepeated
        ? reachedMs - generation.lastAt(at) > this.#horizonMs
        : mayLag || sinceMs <= this.#horizonMs + this.#stepMs;
      found.isUncertain = !this.#isKnown || found.isOther || isUnsettled;
      const lastAt = Math.max(ingestTime, generation.lastAt(at));
      if (generation === this.#current) {
        generation.set(at, content, lastAt, flags);
        return found;
      }
      this.#current.add(high, low, content, lastAt, flags);
      return found;
    }
    this.#current.add(high, low, content, ingestTime, flags);
    return found;
  }
}

/** A hash table with open addressing. */
class Generation {
  #slots = FEWEST_SLOTS;
  #size = 0;
  #hashes = new Uint32Array(2 * FEWEST_SLOTS);
  #contents = new Uint32Array(FEWEST_SLOTS);
  #times = new Float64Array(FEWEST_SLOTS);
  #flags = new Uint8Array(FEWEST_SLOTS);

  /** Where the hash stands, or the free slot where it would. */
  find(high: number, low: number): number {
    const mask = this.#slots - 1;
    for (let at = low & mask; ; at = (at + 1) & mask) {
      const foundHigh = this.#hashes[2 * at];
      const foundLow = this.#hashes[2 * at + 1];
      if ((foundHigh === high && foundLow === low) || (foundHigh === 0 && foundLow === 0)) return at;
    }
  }

  isTaken(at: number): boolean {
    return this.#hashes[2 * at] !== 0 || this.#hashes[2 * at + 1] !== 0;
  }

  lastAt(at: number): number {
    return this.#times[at] ?? 0;
  }

  content(at: number): number {
    return this.#contents[at] ?? 0;
  }

  flags(at: number): number {
    return this.#flags[at] ?? 0;
  }

  set(at: number, content: number, lastAt: number, flags: number): void {
    this.#contents[at] = content;
    this.#times[at] = lastAt;
    this.#flags[at] = flags;
  }

  /** Adds one that is not there. */
  add(high: number, low: number, content: number, lastAt: number, flags: number): void {
    if (this.#size + 1 > this.#slots * FULL) this.#grow();
    this.#size++;
    const at = this.find(high, low);
    this.#hashes[2 * at] = high;
    this.#hashes[2 * at + 1] = low;
    this.set(at, content, lastAt, flags);
  }

  #grow(): void {
    const hashes = this.#hashes;
    const contents = this.#contents;
    const times = this.#times;
    const flags = this.#flags;
    const slots = this.#slots;
    this.#slots *= 2;
    this.#hashes = new Uint32Array(2 * this.#slots);
    this.#contents = new Uint32Array(this.#slots);
    this.#times = new Float64Array(this.#slots);
    this.#flags = new Uint8Array(this.#slots);
    for (let from = 0; from < slots; from++) {
      const high = hashes[2 * from] ?? 0;
      const low = hashes[2 * from + 1] ?? 0;
      if (high === 0 && low === 0) continue;
      const at = this.find(high, low);
      this.#hashes[2 * at] = high;
      this.#hashes[2 * at + 1] = low;
      this.set(at, contents[from] ?? 0, times[from] ?? 0, flags[from] ?? 0);
    }
  }
}

/** A 64-bit hash of both, never 0 in both halves. No text of a click holds the separator. */
function hashOf(userId: string, id: string): [high: number, low: number] {
  const words: [number, number] = [0xdeadbeef, 0x41c6ce57];
  mix(words, userId);
  mix(words, '\0');
  mix(words, id);
  const [one, other] = words;
  const high = Math.imul(one ^ (one >>> 16), 0x85ebca6b) ^ Math.imul(other ^ (other >>> 13), 0xc2b2ae35);
  const low = Math.imul(other ^ (other >>> 16), 0x85ebca6b) ^ Math.imul(one ^ (one >>> 13), 0xc2b2ae35);
  return [high >>> 0, low >>> 0 || 1];
}

function mix(words: [number, number], text: string): void {
  let [one, other] = words;
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    one = Math.imul(one ^ unit, 0x9e3779b1);
    other = Math.imul(other ^ unit, 0x5f356495);
    one ^= one >>> 15;
    other ^= other >>> 13;
  }
  words[0] = one;
  words[1] = other;
}

/** A whole number below 2^32 that differs for clicks that differ, but for one in four billion. */
export function contentOf(url: string, timestamp: number): number {
  const words: [number, number] = [timestamp >>> 0, Math.floor(timestamp / 2 ** 32)];
  mix(words, url);
  return (words[0] ^ words[1]) >>> 0;
}
