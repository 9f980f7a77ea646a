import type { Clock } from './clock.ts';
import type { FetchedBatch } from './fetched-batch.ts';
import type { InputName } from './task-logic.ts';

/** One input of a task, with its next batch under way. */
export class InputStream {
  readonly input: InputName;
  readonly #batches: AsyncGenerator<FetchedBatch, void>;
  #next: Promise<FetchedBatch | undefined>;

  constructor(input: InputName, batches: AsyncGenerator<FetchedBatch, void>) {
    this.input = input;
    this.#batches = batches;
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
  async take(): Promise<FetchedBatch | undefined> {
    const batch = await this.#next;
    this.#next = this.#advance();
    return batch;
  }

  async close(): Promise<void> {
    await this.#batches.return();
  }

  #advance(): Promise<FetchedBatch | undefined> {
    const next = this.#batches.next().then(({ value, done }) => (done ? undefined : value));
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
