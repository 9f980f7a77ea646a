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
  /** What the floor would be if ids had never been too many; older checkpoints lack it. */
  readonly horizonFloorMs?: number | null;
  readonly forgottenEarly: number;
}

/** Ids of one part of the hashes: open addressing with linear probing. */
interface Shard {
  table: Uint32Array;
  slots: number;
  /** Slots in use, forgotten ids included. */
  used: number;
}

/** Steps in which a horizon passes: an id is remembered for the horizon, and at most one step longer. */
const STEPS = 1 << 14;
/** Units whose ids are counted in an array: a horizon, and as much by which one input may be ahead of the other. */
const RING = 2 * STEPS;
/** About what a Map takes for a number by a number that is no small integer. */
const MAP_ENTRY_BYTES = 64;
/** Tables, by the first bits of the second word: only one is there twice while it is made anew. */
const SHARD_BITS = 6;
const SHARDS = 1 << SHARD_BITS;
/** Words of a slot: two of the hash, both 0 if it is free, and the time of the last appearance in units, modulo 2^32. */
const SLOT = 3;
const SLOT_BYTES = SLOT * Uint32Array.BYTES_PER_ELEMENT;
const FEWEST_SLOTS = 16;
/** Slots in use of all, at most: linear probing is short until there. */
const FULL = 0.75;
/** Slots for each id when a table is made anew. */
const ROOM = 1.7;
/** Bytes of the tables for each id at which they are made anew: with one of them twice it is less than 24. */
const SPARSE = 23;
/** Below so many slots nothing is made anew to save memory. */
const FEW = 2 * SHARDS * FEWEST_SLOTS;
/** Of the most ids, what is kept when they are too many, so that not every new id forgets another. */
const KEPT = 15 / 16;
/** Times further apart than 2^31 units would be mistaken in 32 bits; half of it is safe. */
const FAR = 2 ** 30;

/**
 * The ids that appeared within the last horizon of ingest time, for de-duplication. It holds 64-bit hashes: with *n* ids
 * remembered a new id is taken for a duplicate with odds of n / 2^64, which at a million ids and a billion clicks a day is
 * one click in 50 years.
 *
 * They are in 64 open-addressing tables of 12 bytes a slot, each with 1.7 slots for each id when it is made anew, and used until three
 * quarters are. All are made anew, one after another, when they come to 23 bytes for each id, so that an id takes 16 to 24 bytes at any
 * time; beside that there are 160 KB, however few ids there are. Ids are forgotten by raising a floor, at once and exactly; their slots
 * are freed when the table is made anew.
 */
export class RememberedIds {
  readonly #unitMs: number;
  readonly #horizon: number;
  readonly #maxIds: number;
  /** Ids last seen before this unit are forgotten; NaN before the first id, and before the clock said anything. */
  #floor = NaN;
  /** What the clock alone has made of the floor. */
  #horizonFloor = -Infinity;
  readonly #shards: readonly Shard[] = Array.from({ length: SHARDS }, () => ({
    table: new Uint32Array(FEWEST_SLOTS * SLOT),
    slots: FEWEST_SLOTS,
    used: 0,
  }));
  /** Of all tables. */
  #slots = SHARDS * FEWEST_SLOTS;
  /** The floor when all tables were made anew, or before. */
  #tableFloor = 0;
  /** Number of ids by the unit of their last appearance, from the floor on; {@link #ringStart} is where the floor's stands. */
  readonly #ring = new Uint32Array(RING);
  #ringStart = 0;
  /** The same of units that are further on. */
  readonly #beyond = new Map<number, number>();
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

  /** All memory that they take. */
  get bytes(): number {
    return this.#slots * SLOT_BYTES + this.#ring.byteLength + this.#beyond.size * MAP_ENTRY_BYTES;
  }

  /**
   * How often an id was forgotten before its horizon since they were too many, or was not remembered at all since what appeared
   * as late as it had to go already.
   */
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
      horizonFloorMs: this.#horizonFloor === -Infinity ? null : this.#horizonFloor * this.#unitMs,
      forgottenEarly: this.#forgottenEarly,
    };
  }

  /** Takes over a state, which may have been made with another horizon. */
  resume({ floorMs, horizonFloorMs = floorMs, forgottenEarly }: RememberedIdsState): void {
    // A unit follows from the horizon, so that the floor of another one is none of ours.
    this.#floor = floorMs === null ? NaN : Math.floor(floorMs / this.#unitMs);
    this.#horizonFloor = horizonFloorMs === null ? -Infinity : Math.floor(horizonFloorMs / this.#unitMs);
    this.#tableFloor = floorMs === null ? 0 : this.#floor;
    this.#forgottenEarly = forgottenEarly;
  }

  /**
   * Remembers that an id appeared.
   *
   * @param low,high its hash, 32 bits each.
   * @param isRebuild whether it is read again after a restart, so that what was forgotten is counted already.
   * @returns whether it is a duplicate: it appeared within the horizon before.
   */
  appear(low: number, high: number, ingestTimeMs: number, isRebuild = false): boolean {
    let unit = Math.floor(ingestTimeMs / this.#unitMs);
    if (Number.isNaN(this.#floor)) this.#floor = this.#tableFloor = unit - FAR;
    // Only a clock that is years ahead of the other input's gets there.
    if (unit - this.#floor > FAR * 2 - 1) unit = this.#floor + FAR * 2 - 1;
    const floor = this.#floor;
    const hash = (low | high) === 0 ? 1 : low >>> 0;
    const shard = this.#shardOf(high);
    const { table } = shard;
    let at = find(table, shard.slots, hash, high >>> 0);
    const isKnown = table[at] !== 0 || table[at + 1] !== 0;
    if (isKnown) {
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
    }
    if (unit < floor) {
      if (unit >= this.#horizonFloor && !isRebuild) this.#forgottenEarly++;
      return false;
    }
    if (!isKnown) {
      if (shard.used + 1 > shard.slots * FULL) {
        this.#remake(shard, floor);
        at = find(shard.table, shard.slots, hash, high >>> 0);
      }
      shard.used++;
      shard.table[at] = hash;
      shard.table[at + 1] = high >>> 0;
    }
    shard.table[at + 2] = unit >>> 0;
    this.#size++;
    this.#add(unit, 1);
    if (this.#size > this.#maxIds) this.#forgetOldest();
    else this.#saveMemory();
    return false;
  }

  /** No record of an ingest time before `clockMs` less the horizon is expected any more. */
  forgetBefore(clockMs: number): void {
    const floor = Math.floor(clockMs / this.#unitMs) - this.#horizon;
    if (floor > this.#horizonFloor) this.#horizonFloor = floor;
    this.#raiseFloor(floor);
  }

  #forgetOldest(): void {
    const before = this.#size;
    const floor = this.#floor;
    const enough = this.#maxIds * KEPT;
    let kept = before;
    let next = floor;
    for (; next < floor + RING && kept > enough; next++) kept -= this.#ring[this.#at(next)] ?? 0;
    if (kept > enough)
      for (const [unit, count] of [...this.#beyond].sort(([one], [other]) => one - other)) {
        kept -= count;
        next = unit + 1;
        if (kept <= enough) break;
      }
    this.#raiseFloor(next);
    this.#forgottenEarly += before - this.#size;
  }

  #raiseFloor(floor: number): void {
    if (Number.isNaN(this.#floor)) this.#floor = this.#tableFloor = floor;
    if (floor <= this.#floor) return;
    const end = Math.min(floor, this.#floor + RING);
    for (let unit = this.#floor; unit < end; unit++) {
      const at = this.#at(unit);
      this.#size -= this.#ring[at] ?? 0;
      this.#ring[at] = 0;
    }
    if (floor - this.#tableFloor > FAR) this.#remakeAll(floor);
    this.#ringStart = this.#at(end);
    this.#floor = floor;
    for (const [unit, count] of this.#beyond) {
      if (unit >= floor + RING) continue;
      this.#beyond.delete(unit);
      if (unit < floor) this.#size -= count;
      else this.#ring[this.#at(unit)] = count;
    }
    this.#saveMemory();
  }

  /** Makes the tables anew if too little of them is in use. */
  #saveMemory(): void {
    if (this.#slots > FEW && this.#slots * SLOT_BYTES > this.#size * SPARSE) this.#remakeAll(this.#floor);
  }

  #remakeAll(from: number): void {
    for (const shard of this.#shards) this.#remake(shard, from);
    this.#tableFloor = from;
  }

  /** Makes a table anew, without the ids last seen before `from`. */
  #remake(shard: Shard, from: number): void {
    const { table: old } = shard;
    const isLeft = (at: number) => {
      if (old[at] === 0 && old[at + 1] === 0) return false;
      return this.#floor + (((old[at + 2] ?? 0) - (this.#floor >>> 0)) | 0) >= from;
    };
    let used = 0;
    for (let at = 0; at < old.length; at += SLOT) if (isLeft(at)) used++;
    const slots = Math.max(FEWEST_SLOTS, Math.ceil(used * ROOM));
    const table = new Uint32Array(slots * SLOT);
    for (let at = 0; at < old.length; at += SLOT) {
      if (!isLeft(at)) continue;
      const low = old[at] ?? 0;
      const high = old[at + 1] ?? 0;
      const to = find(table, slots, low, high);
      table[to] = low;
      table[to + 1] = high;
      table[to + 2] = old[at + 2] ?? 0;
    }
    this.#slots += slots - shard.slots;
    shard.table = table;
    shard.slots = slots;
    shard.used = used;
  }

  #shardOf(high: number): Shard {
    const shard = this.#shards[high >>> (32 - SHARD_BITS)];
    if (!shard) throw new RangeError(`there is no table for ${high}`);
    return shard;
  }

  /** Where a unit is counted that is less than {@link RING} above the floor, or as much. */
  #at(unit: number): number {
    return (this.#ringStart + (unit - this.#floor)) & (RING - 1);
  }

  #add(unit: number, count: number): void {
    if (unit < this.#floor + RING) {
      const at = this.#at(unit);
      this.#ring[at] = (this.#ring[at] ?? 0) + count;
      return;
    }
    const left = (this.#beyond.get(unit) ?? 0) + count;
    if (left === 0) this.#beyond.delete(unit);
    else this.#beyond.set(unit, left);
  }
}

/** Where the hash stands, or the free slot where it would. */
function find(table: Uint32Array, slots: number, low: number, high: number): number {
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
