export interface RememberedIdsOptions {
  /** How long an id is remembered after its last appearance, ms of ingest time. */
  readonly horizonMs: number;
  /** Most ids remembered; above it the oldest are forgotten early. */
  readonly maxIds: number;
}

/** What a checkpoint says about the ids remembered; the ids themselves are rebuilt from the log. */
export interface RememberedIdsState {
  /** Ids whose last appearance was earlier are forgotten; ms since the epoch, null if none are. */
  readonly floorMs: number | null;
  readonly forgottenEarly: number;
}

/** Steps in which a horizon passes: an id is remembered for the horizon, and at most one step longer. */
const STEPS = 1 << 14;
/** Words of a slot: two of the hash, both 0 if it is free, and the time of the last appearance in units, modulo 2^32. */
const SLOT = 3;
const FEWEST_SLOTS = 1024;
/** Slots in use of all, at most: linear probing is short until there. */
const FULL = 0.75;
/** Slots for each id when the table is made anew. */
const ROOM = 1.8;
/** Of the most ids, what is kept when they are too many, so that not every new id forgets another. */
const KEPT = 15 / 16;
/** Times further apart than 2^31 units would be mistaken in 32 bits; half of it is safe. */
const FAR = 2 ** 30;

/**
 * The ids that appeared within the last horizon of ingest time, for de-duplication. It holds 64-bit hashes: with *n* ids
 * remembered a new id is taken for a duplicate with odds of n / 2^64, which at a million ids and a billion clicks a day is
 * one click in 50 years.
 *
 * One open-addressing table of 12 bytes a slot, with 1.8 slots for each id when it is made anew, and used until three
 * quarters are: an id takes 16 to 22 bytes, 23 just after the oldest had to go early, and up to 48 while a burst passes away. While the
 * table is made anew, the old one is there too. Ids are forgotten by raising a floor, at once and exactly; their slots
 * are freed when the table is made anew.
 */
export class RememberedIds {
  readonly #unitMs: number;
  readonly #horizon: number;
  readonly #maxIds: number;
  /** Ids last seen before this unit are forgotten; NaN before the first id, and before the clock said anything. */
  #floor = NaN;
  #table = new Uint32Array(FEWEST_SLOTS * SLOT);
  #slots = FEWEST_SLOTS;
  /** Slots in use, forgotten ids included. */
  #used = 0;
  /** The floor when the table was made anew. */
  #tableFloor = 0;
  /** Number of ids by the unit of their last appearance; forgotten ones are out. That of the unit before is kept apart. */
  readonly #counts = new Map<number, number>();
  #recentUnit = NaN;
  #recentCount = 0;
  #size = 0;
  #forgottenEarly = 0;

  constructor({ horizonMs, maxIds }: RememberedIdsOptions) {
    this.#unitMs = Math.max(1, Math.ceil(horizonMs / STEPS));
    this.#horizon = Math.ceil(horizonMs / this.#unitMs);
    this.#maxIds = maxIds;
  }

  /** Ids remembered. */
  get size(): number {
    return this.#size;
  }

  get bytes(): number {
    return this.#table.byteLength;
  }

  /** Ids forgotten before their horizon since they were too many. */
  get forgottenEarly(): number {
    return this.#forgottenEarly;
  }

  /** Ingest time before which nothing is remembered, ms since the epoch; -Infinity before the first id. */
  get floorMs(): number {
    return Number.isNaN(this.#floor) ? -Infinity : this.#floor * this.#unitMs;
  }

  get state(): RememberedIdsState {
    return {
      floorMs: Number.isNaN(this.#floor) ? null : this.floorMs,
      forgottenEarly: this.#forgottenEarly,
    };
  }

  /** Takes over a state, which may have been made with another horizon. */
  resume({ floorMs, forgottenEarly }: RememberedIdsState): void {
    // A unit follows from the horizon, so that the floor of another one is none of ours.
    this.#floor = floorMs === null ? NaN : Math.floor(floorMs / this.#unitMs);
    this.#tableFloor = floorMs === null ? 0 : this.#floor;
    this.#forgottenEarly = forgottenEarly;
  }

  /**
   * Remembers that an id appeared.
   *
   * @param low,high its hash, 32 bits each.
   * @returns whether it is a duplicate: it appeared within the horizon before.
   */
  appear(low: number, high: number, ingestTimeMs: number): boolean {
    let unit = Math.floor(ingestTimeMs / this.#unitMs);
    if (Number.isNaN(this.#floor)) this.#floor = this.#tableFloor = unit - FAR;
    // Only a clock that is years ahead of the other input's gets there.
    if (unit - this.#floor > FAR * 2 - 1) unit = this.#floor + FAR * 2 - 1;
    const floor = this.#floor;
    const hash = (low | high) === 0 ? 1 : low >>> 0;
    let at = this.#find(this.#table, this.#slots, hash, high >>> 0);
    const table = this.#table;
    if (table[at] !== 0 || table[at + 1] !== 0) {
      const since = ((table[at + 2] ?? 0) - (floor >>> 0)) | 0;
      if (since >= 0) {
        const last = floor + since;
        if (unit > last) {
          this.#add(last, -1);
          this.#add(unit, 1);
          table[at + 2] = unit >>> 0;
        }
        return last >= unit - this.#horizon;
      }
      if (unit < floor) return false;
    } else {
      if (unit < floor) return false;
      if (this.#used + 1 > this.#slots * FULL) {
        this.#remake();
        at = this.#find(this.#table, this.#slots, hash, high >>> 0);
      }
      this.#used++;
      this.#table[at] = hash;
      this.#table[at + 1] = high >>> 0;
    }
    this.#table[at + 2] = unit >>> 0;
    this.#size++;
    this.#add(unit, 1);
    if (this.#size > this.#maxIds) this.#forgetOldest();
    return false;
  }

  /** No record of an ingest time before `clockMs` less the horizon is expected any more. */
  forgetBefore(clockMs: number): void {
    this.#raiseFloor(Math.floor(clockMs / this.#unitMs) - this.#horizon);
  }

  #forgetOldest(): void {
    const before = this.#size;
    this.#keepRecentCount();
    const units = [...this.#counts.keys()].sort((a, b) => a - b);
    let kept = before;
    for (const unit of units) {
      kept -= this.#counts.get(unit) ?? 0;
      if (kept > this.#maxIds * KEPT) continue;
      this.#raiseFloor(unit + 1);
      break;
    }
    this.#forgottenEarly += before - this.#size;
  }

  #raiseFloor(floor: number): void {
    if (Number.isNaN(this.#floor)) this.#floor = this.#tableFloor = floor;
    if (floor <= this.#floor) return;
    this.#keepRecentCount();
    if (floor - this.#floor <= this.#counts.size)
      for (let unit = this.#floor; unit < floor; unit++) this.#drop(unit);
    else for (const unit of this.#counts.keys()) if (unit < floor) this.#drop(unit);
    const isFar = floor - this.#tableFloor > FAR;
    if (isFar) this.#remake(floor);
    this.#floor = floor;
    // Half of what the table was made for: a burst is over.
    if (this.#slots > FEWEST_SLOTS && this.#size * 4 < this.#slots) this.#remake();
  }

  #drop(unit: number): void {
    this.#size -= this.#counts.get(unit) ?? 0;
    this.#counts.delete(unit);
  }

  /** Makes the table anew, without the ids last seen before `from`. */
  #remake(from: number = this.#floor): void {
    const old = this.#table;
    const slots = Math.max(FEWEST_SLOTS, Math.ceil(this.#size * ROOM));
    const table = new Uint32Array(slots * SLOT);
    let used = 0;
    for (let at = 0; at < old.length; at += SLOT) {
      const low = old[at] ?? 0;
      const high = old[at + 1] ?? 0;
      const unit = old[at + 2] ?? 0;
      if ((low | high) === 0 || this.#floor + ((unit - (this.#floor >>> 0)) | 0) < from) continue;
      const to = this.#find(table, slots, low, high);
      table[to] = low;
      table[to + 1] = high;
      table[to + 2] = unit;
      used++;
    }
    this.#table = table;
    this.#slots = slots;
    this.#used = used;
    this.#tableFloor = from;
  }

  /** Where the hash stands, or the free slot where it would. */
  #find(table: Uint32Array, slots: number, low: number, high: number): number {
    // Multiplied instead of masked, so that the number of slots need not be a power of two.
    let slot = Math.floor(low * (slots / 2 ** 32));
    for (;;) {
      const at = slot * SLOT;
      const foundLow = table[at];
      const foundHigh = table[at + 1];
      if (foundLow === low && foundHigh === high) return at;
      if (foundLow === 0 && foundHigh === 0) return at;
      if (++slot === slots) slot = 0;
    }
  }

  #add(unit: number, count: number): void {
    if (unit !== this.#recentUnit) {
      this.#keepRecentCount();
      this.#recentUnit = unit;
      this.#recentCount = this.#counts.get(unit) ?? 0;
    }
    this.#recentCount += count;
  }

  #keepRecentCount(): void {
    if (Number.isNaN(this.#recentUnit)) return;
    this.#counts.set(this.#recentUnit, this.#recentCount);
    this.#recentUnit = NaN;
  }
}
