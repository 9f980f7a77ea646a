import type { RecordCursor } from '../src/fetched-batch.ts';
import type { ForwardedFrom, InputName, RecordVerdict, TaskLogic, TaskOutput } from '../src/task-logic.ts';
import { TOPICS } from './simulation-world.ts';

/** A click of a user as the simulated application knows it: `click` and the user's number. */
const CLICK = /^click (\d+)$/;

/** The number of the user of a click; undefined for a record that is none. */
export function userOf(value: string): number | undefined {
  const found = CLICK.exec(value)?.[1];
  return found === undefined ? undefined : Number(found);
}

/** Where all clicks of a user are counted. */
export function homeOf(user: number, partitions: number): number {
  return user % partitions;
}

/** What the simulated application does: running totals per user, dead letters, forwards, sums. */
export class CountingLogic implements TaskLogic {
  readonly #partition: number;
  readonly #partitions: number;
  readonly #emitsEvery: boolean;
  readonly #totals = new Map<number, number>();
  readonly #changed = new Set<number>();
  #clicks = 0;

  /** @param emitsEvery one total per click, else one per user and transaction. */
  constructor(partition: number, partitions: number, emitsEvery: boolean) {
    this.#partition = partition;
    this.#partitions = partitions;
    this.#emitsEvery = emitsEvery;
  }

  get heldBack(): number {
    return this.#changed.size;
  }

  restore(_topic: string, record: RecordCursor): void {
    const user = Number(record.key());
    const clicks = Number(record.value());
    this.#clicks += clicks - (this.#totals.get(user) ?? 0);
    this.#totals.set(user, clicks);
  }

  process(record: RecordCursor, forwardedFrom: ForwardedFrom, output: TaskOutput): RecordVerdict {
    const reject = (place: string): RecordVerdict => {
      output.write({ topic: TOPICS.deadLetters, key: null, value: Buffer.from(place) });
      return 'rejected';
    };
    if (forwardedFrom === 'unknown')
      return reject(`${TOPICS.repartition}/${this.#partition}/${record.offset}`);
    const user = userOf(String(record.value()));
    if (user === undefined) return reject(`${TOPICS.input}/${this.#partition}/${record.offset}`);
    const home = homeOf(user, this.#partitions);
    if (home !== this.#partition) {
      if (forwardedFrom !== undefined) throw new Error(`user ${user} was forwarded to ${this.#partition}`);
      output.forward(record, home, Buffer.from(String(user)));
      return 'forwarded';
    }
    this.#totals.set(user, (this.#totals.get(user) ?? 0) + 1);
    this.#clicks++;
    if (this.#emitsEvery) this.#publish(user, output);
    else this.#changed.add(user);
    return 'counted';
  }

  resume(): void {
    // All that it knows stands in its results.
  }

  rebuild(): void {
    // It remembers nothing of its inputs.
  }

  rebuildIsPartial(): void {
    // Nothing was to be rebuilt.
  }

  caughtUp(): void {
    // It makes no difference.
  }

  idle(): boolean {
    return false;
  }

  snapshot(): unknown {
    return null;
  }

  rebuildFrom(_input: InputName, position: bigint): bigint {
    return position;
  }

  resultsFrom(): Record<string, bigint> {
    return {};
  }

  flush(output: TaskOutput): void {
    for (const user of this.#changed) this.#publish(user, output);
    this.#changed.clear();
  }

  sums(): Record<string, number> {
    return { clicks: this.#clicks, users: this.#totals.size };
  }

  #publish(user: number, output: TaskOutput): void {
    output.write({
      topic: TOPICS.results,
      key: Buffer.from(String(user)),
      value: Buffer.from(String(this.#totals.get(user))),
    });
  }
}
