import type { InputName } from './inputs.ts';

/** How far one input is read; `ingestTime` in ms since the epoch, null before its first record. */
interface InputProgress {
  ingestTime: number | null;
  isCaughtUp: boolean;
}

/** What an {@link IngestClock} says of itself in a checkpoint. */
export type IngestClockState = Readonly<Record<InputName, Readonly<InputProgress>>>;

/**
 * The ingest time before which no record is expected any more: the smaller one of those inputs that are behind their end,
 * for an input at its end holds nothing back. It never falls.
 */
export class IngestClock {
  #inputs: Record<InputName, InputProgress> = {
    input: { ingestTime: null, isCaughtUp: false },
    repartition: { ingestTime: null, isCaughtUp: false },
  };
  #time = -Infinity;

  /** ms since the epoch; -Infinity while nobody knows. */
  get time(): number {
    return this.#time;
  }

  get state(): IngestClockState {
    const { input, repartition } = this.#inputs;
    return { input: { ...input }, repartition: { ...repartition } };
  }

  resume({ input, repartition }: IngestClockState): void {
    this.#inputs = { input: { ...input }, repartition: { ...repartition } };
    this.#move();
  }

  /** Takes note of a record. Returns whether the clock moved. */
  read(input: InputName, ingestTime: number): boolean {
    const progress = this.#inputs[input];
    if (ingestTime === progress.ingestTime) return false;
    progress.ingestTime = ingestTime;
    return this.#move();
  }

  /** Takes note of whether an input is read up to its end. Returns whether the clock moved. */
  caughtUp(input: InputName, isCaughtUp: boolean): boolean {
    this.#inputs[input].isCaughtUp = isCaughtUp;
    return this.#move();
  }

  #move(): boolean {
    const { input, repartition } = this.#inputs;
    const [one, other] = [input.ingestTime ?? -Infinity, repartition.ingestTime ?? -Infinity];
    const time =
      input.isCaughtUp === repartition.isCaughtUp
        ? input.isCaughtUp
          ? Math.max(one, other)
          : Math.min(one, other)
        : input.isCaughtUp
          ? other
          : one;
    if (time <= this.#time) return false;
    this.#time = time;
    return true;
  }
}
