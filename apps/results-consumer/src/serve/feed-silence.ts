/** A partition of which nothing has come for some time. */
export interface SilentPartition {
  /** Such as `user_clickstream [2]`. */
  readonly name: string;
  readonly silenceMs: number;
}

/**
 * How long it is since anything was heard of each partition that is read. A broker answers for its own partitions only: while one of
 * several is silent, the others go on, and what is shown is still in part.
 */
export class FeedSilence {
  readonly #now: () => number;
  readonly #heardAt = new Map<string, number>();

  /** @param now ms of a clock that nobody sets */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** An answer for a partition has come, be it empty; or it is asked for from now on. */
  heard(topic: string, partition: number): void {
    this.#heardAt.set(`${topic} [${partition}]`, this.#now());
  }

  /** The partition that has been silent for longest; undefined while none is read. */
  longest(): SilentPartition | undefined {
    let longest: SilentPartition | undefined;
    for (const [name, heardAt] of this.#heardAt) {
      const silenceMs = this.#now() - heardAt;
      if (!longest || silenceMs > longest.silenceMs) longest = { name, silenceMs };
    }
    return longest;
  }
}
