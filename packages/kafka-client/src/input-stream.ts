import type { Clock } from './clock.ts';
import type { FetchedBatch } from './fetched-batch.ts';
import type { InputName } from './task-logic.ts';

/** A batch, and when it came, in monotonic ms: it may have waited for the one before to be worked on. */
export interface Arrival {
  readonly batch: FetchedBatch;
  readonly arrivedAt: number;
}

/** One input of a task, with its next batch under way. */
export class InputStream {
  readonly input: InputName;
  readonly #batches: AsyncGenerator<FetchedBatch, void>;
  readonly #clock: Clock;
  #next: Promise<Arrival | undefined>;

  constructor(input: InputName, batches: AsyncGenerator<FetchedBatch, void>, clock: Clock) {
    this.input = input;
    this.#batches = batches;
    this.#clock = clock;
    this.#next = this.#advance();
  }

  /** Resolves to this stream when its next batch, its end or its failure is there. */
  ready(): Promise<this> {
    return this.#next.then(
      () => this,
      () => this,
    );
  }

  /** The next batch, undefined at the end. @throws what reading threw. */
  async take(): Promise<Arrival | undefined> {
    const arrival = await this.#next;
    this.#next = this.#advance();
    return arrival;
  }

  async close(): Promise<void> {
    await this.#batches.return();
  }

  #advance(): Promise<Arrival | undefined> {
    const next = this.#batches
      .next()
      .then(({ value, done }) => (done ? undefined : { batch: value, arrivedAt: this.#clock.now() }));
    next.catch(() => undefined); // thrown by take()
    return next;
  }
}

/** A reason that is given, since abort() without one makes an error with its stack each time. */
const IN_TIME = 'in time';

/** The first stream with something to take; undefined if none has within `limitMs`. */
export async function firstReady(
  streams: readonly InputStream[],
  limitMs: number,
  clock: Clock,
): Promise<InputStream | undefined> {
  const ready = streams.map((stream) => stream.ready());
  if (limitMs === Infinity) return Promise.race(ready);
  const over = new AbortController();
  try {
    return await Promise.race([...ready, clock.delay(limitMs, over.signal).then(() => undefined)]);
  } finally {
    over.abort(IN_TIME);
  }
}
