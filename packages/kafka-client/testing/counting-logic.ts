import type { RecordCursor } from '../src/fetched-batch.ts';
import type { ForwardedFrom, InputName, RecordVerdict, TaskLogic, TaskOutput } from '../src/task-logic.ts';
import { decodeClick, homeOf } from './click.ts';
import { SeenIds } from './seen-ids.ts';
import { SessionCounts } from './session-counts.ts';
import type { SessionResult } from './session-result.ts';
import { TOPICS, type World } from './simulation-world.ts';
import { WindowCounts } from './window-counts.ts';
import type { LogicState } from './window-result.ts';

/**
 * What the simulated application does: running totals per user, clicks and users per window, dead letters, forwards,
 * de-duplication. It uses all that the engine offers, as the aggregator does.
 */
export class CountingLogic implements TaskLogic {
  readonly #partition: number;
  readonly #world: Pick<World, 'partitions' | 'windows' | 'sessions' | 'coverage'>;
  readonly #emitsEvery: boolean;
  readonly #totals = new Map<number, number>();
  readonly #changed = new Set<number>();
  readonly #windows: WindowCounts;
  readonly #sessions: SessionCounts | undefined;
  readonly #ids: Record<InputName, SeenIds>;
  #books: LogicState['books'] = { windowed: 0, missed: 0, late: 0 };
  #sessionBooks = { sessioned: 0, sessionLate: 0 };
  #clicks = 0;

  /** @param emitsEvery one total per click, else one per user and transaction. */
  constructor(
    partition: number,
    world: Pick<World, 'partitions' | 'windows' | 'sessions' | 'coverage'>,
    emitsEvery: boolean,
    forgetsAbsorbed = false,
  ) {
    this.#partition = partition;
    this.#world = world;
    this.#emitsEvery = emitsEvery;
    const { horizonMs } = world.windows;
    this.#sessions = world.sessions && new SessionCounts(world.sessions, forgetsAbsorbed);
    this.#windows = new WindowCounts(world.windows, this.#sessions);
    this.#ids = { input: new SeenIds(horizonMs), repartition: new SeenIds(horizonMs) };
  }

  get heldBack(): number {
    return this.#changed.size + this.#windows.heldBack + (this.#sessions?.heldBack ?? 0);
  }

  get heldBackBytes(): number {
    return 100 * this.heldBack;
  }

  get isClosing(): boolean {
    return this.#windows.isClosing;
  }

  resume(snapshot: unknown): void {
    const { streamTime, books, isClosing, windowsEnd, sessions } = snapshot as LogicState;
    this.#books = books;
    this.#windows.resume(streamTime ?? undefined, BigInt(windowsEnd), isClosing);
    if (!sessions) return;
    const { sessioned, sessionLate, end } = sessions;
    this.#sessionBooks = { sessioned, sessionLate };
    this.#sessions?.resume(BigInt(end));
  }

  restore(topic: string, record: RecordCursor): void {
    if (topic === TOPICS.sessions) {
      const bytes = record.value();
      const result = bytes ? (JSON.parse(String(bytes)) as SessionResult) : undefined;
      this.#sessions?.restore(String(record.key()), result, record.offset);
      return;
    }
    const value = String(record.value());
    if (topic === TOPICS.windows) {
      this.#windows.restore(String(record.key()), value, record.offset);
      return;
    }
    const key = Number(record.key());
    const clicks = Number(value);
    this.#clicks += clicks - (this.#totals.get(key) ?? 0);
    this.#totals.set(key, clicks);
  }

  rebuild(record: RecordCursor, forwardedFrom: ForwardedFrom): void {
    const click = decodeClick(String(record.value()));
    if (forwardedFrom === 'unknown' || !click || !this.#isAtHome(click.user)) return;
    const input = inputOf(forwardedFrom);
    this.#world.coverage.count('clicks rebuilt from');
    this.#ids[input].appear(click.id, record.offset, record.timestampMs);
    this.#windows.rebuild(click, input, record.offset);
  }

  rebuildIsPartial(): void {
    this.#world.coverage.count('partial rebuilds');
    this.#windows.loseUsers();
  }

  process(record: RecordCursor, forwardedFrom: ForwardedFrom, output: TaskOutput): RecordVerdict {
    this.#windows.endIdleTime();
    const { partitions } = this.#world;
    const place =
      typeof forwardedFrom === 'object'
        ? `${forwardedFrom.topic}/${forwardedFrom.partition}/${forwardedFrom.offset}`
        : `${forwardedFrom ? TOPICS.repartition : TOPICS.input}/${this.#partition}/${record.offset}`;
    const list = (why: string) => {
      output.write({ topic: TOPICS.deadLetters, key: null, value: Buffer.from(`${place} ${why}`) });
    };
    const click = decodeClick(String(record.value()));
    if (forwardedFrom === 'unknown' || !click) {
      list(forwardedFrom === 'unknown' ? 'misrouted' : 'malformed');
      return 'rejected';
    }
    const { user, id } = click;
    if (!this.#isAtHome(user)) {
      if (forwardedFrom !== undefined) throw new Error(`user ${user} was forwarded to ${this.#partition}`);
      output.forward(record, homeOf(user, partitions), Buffer.from(String(user)));
      return 'forwarded';
    }
    const input = inputOf(forwardedFrom);
    if (this.#ids[input].appear(id, record.offset, record.timestampMs)) return 'duplicate';
    this.#totals.set(user, (this.#totals.get(user) ?? 0) + 1);
    this.#clicks++;
    if (this.#emitsEvery) this.#publish(user, output);
    else this.#changed.add(user);
    const { windowed, missed, late } = this.#books;
    const timing = this.#windows.count(click, input, record.offset, output);
    if (timing !== 'in time') list(`${timing} at ${this.#windows.streamTime}`);
    this.#books =
      timing === 'late'
        ? { windowed, missed, late: late + 1 }
        : { windowed: windowed + 1, missed: missed + (timing === 'missed' ? 1 : 0), late };
    if (!this.#sessions) return 'counted';
    if (this.#sessions.count(click, this.#windows.streamTime ?? 0)) this.#sessionBooks.sessioned++;
    else {
      this.#sessionBooks.sessionLate++;
      this.#world.coverage.count('clicks in no session');
      list(`session-late at ${this.#windows.streamTime}`);
    }
    return 'counted';
  }

  caughtUp(): void {
    // Its memory of ids knows no clock but that of each input.
  }

  idle(idleMs: number, wallClockMs: number, output: TaskOutput): boolean {
    const closed = this.#windows.idle(idleMs, wallClockMs, output);
    if (closed === 0) return false;
    const { coverage } = this.#world;
    coverage.count('ticks that closed windows');
    coverage.count('windows closed by ticks', closed);
    return true;
  }

  flush(output: TaskOutput): void {
    for (const user of this.#changed) this.#publish(user, output);
    this.#changed.clear();
    if (this.isClosing) this.#world.coverage.count('transactions that close what was left over');
    this.#windows.flush(output, (key, result) =>
      output.write({
        topic: TOPICS.windows,
        key: Buffer.from(key),
        value: Buffer.from(JSON.stringify(result)),
      }),
    );
    this.#sessions?.flush((key, result) => {
      if (!result) this.#world.coverage.count('sessions absorbed or moved');
      else if (result.final) this.#world.coverage.count('sessions closed');
      const value = result ? Buffer.from(JSON.stringify(result)) : null;
      return output.write({ topic: TOPICS.sessions, key: Buffer.from(key), value });
    });
  }

  snapshot(): LogicState {
    const { streamTime = null, isClosing, end } = this.#windows;
    const sessions = this.#sessions && { ...this.#sessionBooks, end: String(this.#sessions.end) };
    return {
      streamTime,
      books: this.#books,
      isClosing,
      windowsEnd: String(end),
      ...(sessions && { sessions }),
    };
  }

  rebuildFrom(input: InputName, position: bigint): bigint {
    const ids = this.#ids[input].rebuildFrom ?? position;
    const windows = this.#windows.rebuildFrom(input) ?? position;
    return ids < windows ? ids : windows;
  }

  resultsFrom(): Record<string, bigint> {
    return {
      [TOPICS.windows]: this.#windows.resultsFrom,
      ...(this.#sessions && { [TOPICS.sessions]: this.#sessions.resultsFrom }),
    };
  }

  sums(): Record<string, number> {
    return { clicks: this.#clicks, users: this.#totals.size, ...this.#windows.sums, ...this.#sessions?.sums };
  }

  #isAtHome(user: number): boolean {
    return homeOf(user, this.#world.partitions) === this.#partition;
  }

  #publish(user: number, output: TaskOutput): void {
    output.write({
      topic: TOPICS.results,
      key: Buffer.from(String(user)),
      value: Buffer.from(String(this.#totals.get(user))),
    });
  }
}

function inputOf(forwardedFrom: ForwardedFrom): InputName {
  return forwardedFrom === undefined ? 'input' : 'repartition';
}
