import { IngestClock, type IngestClockState } from './ingest-clock.ts';
import type { InputName, ReadRecord } from './inputs.ts';
import { OffsetIndex } from './offset-index.ts';
import { RememberedIds, type RememberedIdsOptions, type RememberedIdsState } from './remembered-ids.ts';
import type { User } from './users.ts';

/** Writes a 64-bit hash of a text into two words. Seeded per process, so that nobody can plan collisions. */
export type HashText = (text: string, into: Uint32Array) => void;

/** What a checkpoint says about de-duplication. */
export interface DuplicatesState {
  readonly clock: IngestClockState;
  readonly ids: RememberedIdsState;
}

// Odd numbers: multiplied by one of them, different users stay different.
const LOW_FACTOR = 0x9e3779b1;
const HIGH_FACTOR = 0x85ebca77;

/**
 * Which clicks were seen before. A click's identity is its user and its event id; it is remembered for a horizon of ingest
 * time after its last appearance, counted or not, so that what is remembered is exactly what the last horizon of the log
 * holds, and can be read from there again. Rejected clicks are not remembered: sent again after a fix, they count.
 */
export class Duplicates {
  readonly #hashText: HashText;
  readonly #ids: RememberedIds;
  readonly #clock = new IngestClock();
  readonly #index: Record<InputName, OffsetIndex>;
  readonly #hash = new Uint32Array(2);

  constructor(options: RememberedIdsOptions, hashText: HashText) {
    this.#hashText = hashText;
    this.#ids = new RememberedIds(options);
    const { horizonMs } = options;
    this.#index = { input: new OffsetIndex(horizonMs), repartition: new OffsetIndex(horizonMs) };
  }

  get remembered(): RememberedIds {
    return this.#ids;
  }

  get state(): DuplicatesState {
    return { clock: this.#clock.state, ids: this.#ids.state };
  }

  resume({ clock, ids }: DuplicatesState): void {
    this.#ids.resume(ids);
    this.#clock.resume(clock);
  }

  /** An input is read up to a record of that ingest time. */
  read(input: InputName, ingestTime: number): void {
    if (this.#clock.read(input, ingestTime)) this.#ids.forgetBefore(this.#clock.time);
  }

  /** Whether an input is read up to its end. */
  caughtUp(input: InputName, isCaughtUp: boolean): void {
    if (this.#clock.caughtUp(input, isCaughtUp)) this.#ids.forgetBefore(this.#clock.time);
  }

  /** Remembers a click, for the first time or again in a rebuild. Returns whether it was seen before. */
  isDuplicate(
    user: User,
    eventId: string,
    input: InputName,
    record: ReadRecord,
    ingestTime: number,
    isRebuild = false,
  ): boolean {
    const hash = this.#hash;
    this.#hashText(eventId, hash);
    this.#index[input].add(record, ingestTime);
    const low = (hash[0] ?? 0) ^ Math.imul(user.number, LOW_FACTOR);
    const high = (hash[1] ?? 0) ^ Math.imul(user.number, HIGH_FACTOR);
    return this.#ids.appear(low, high, ingestTime, isRebuild);
  }

  /** The lowest offset of that input that holds an id still remembered, or a lower one; undefined if none does. */
  rebuildFrom(input: InputName): bigint | undefined {
    return this.#index[input].from(this.#ids.floorMs);
  }
}
