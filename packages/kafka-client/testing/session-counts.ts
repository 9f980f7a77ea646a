import type { TaskOutput } from '../src/task-logic.ts';
import type { Click } from './click.ts';
import type { SessionResult, SessionSettings } from './session-result.ts';

interface OpenSession {
  readonly user: number;
  start: number;
  end: number;
  clicks: number;
  /** Start of its newest record, and the offset where that stands. */
  written: { readonly start: number; readonly offset: bigint } | undefined;
  isFinal: boolean;
}

/** What becomes of a record under a key: undefined is a tombstone. */
export type WriteSession = (key: string, result: SessionResult | undefined) => bigint;

/** Sessions per user: what the aggregator does, in small. Stream time is that of the windows. */
export class SessionCounts {
  readonly #settings: SessionSettings;
  readonly #forgetsAbsorbed: boolean;
  readonly #open = new Map<number, OpenSession[]>();
  readonly #changed = new Set<OpenSession>();
  /** Keys under which an absorbed or moved session was published. */
  readonly #gone = new Set<string>();
  #end = 0n;

  /** @param forgetsAbsorbed a bug to be found: an absorbed session gets no tombstone. */
  constructor(settings: SessionSettings, forgetsAbsorbed = false) {
    this.#settings = settings;
    this.#forgetsAbsorbed = forgetsAbsorbed;
  }

  /** Offset behind the last record known of the topic. */
  get end(): bigint {
    return this.#end;
  }

  get heldBack(): number {
    return this.#changed.size + this.#gone.size;
  }

  get size(): number {
    return [...this.#all()].length;
  }

  get sums(): { openSessions: number; sessionClicks: number } {
    let openSessions = 0;
    let sessionClicks = 0;
    for (const { clicks } of this.#all()) {
      openSessions++;
      sessionClicks += clicks;
    }
    return { openSessions, sessionClicks };
  }

  /** The least stream time that closes one. */
  get nextDeadline(): number {
    let next = Infinity;
    for (const session of this.#all()) next = Math.min(next, this.#deadlineOf(session));
    return next;
  }

  resume(end: bigint): void {
    this.#end = end;
  }

  restore(key: string, result: SessionResult | undefined, offset: bigint): void {
    if (offset >= this.#end) this.#end = offset + 1n;
    const [user = 0, start = 0] = key.split('/').map(Number);
    const others = (this.#open.get(user) ?? []).filter(({ written }) => written?.start !== start);
    if (result && !result.final)
      others.push({ user, start, ...result, written: { start, offset }, isFinal: false });
    this.#open.set(user, others);
  }

  /**
   * @returns whether the click is in a session: it touches one that is open, or is in time for one of its own. One so old
   * that a session of its own would be closed begins none anew (docs/decisions/0007-sessions-and-finality.md).
   */
  count({ user, eventTime }: Click, streamTime: number): boolean {
    const { gapMs, graceMs } = this.#settings;
    const before = this.#open.get(user) ?? [];
    const touched = before.filter(
      (one) =>
        eventTime > one.start - gapMs && eventTime < one.end + gapMs && this.#deadlineOf(one) > streamTime,
    );
    const closeTime = streamTime - graceMs;
    if (touched.length === 0 && eventTime < closeTime) return false;
    if (touched.some(({ start }) => eventTime < start) && eventTime <= closeTime - gapMs) return false;
    const [
      session = { user, start: eventTime, end: eventTime, clicks: 0, written: undefined, isFinal: false },
    ] = touched;
    for (const absorbed of touched.slice(1)) {
      session.clicks += absorbed.clicks;
      session.start = Math.min(session.start, absorbed.start);
      session.end = Math.max(session.end, absorbed.end);
      if (absorbed.written && !this.#forgetsAbsorbed) this.#gone.add(keyOf(user, absorbed.written.start));
      this.#changed.delete(absorbed);
    }
    session.clicks++;
    session.start = Math.min(session.start, eventTime);
    session.end = Math.max(session.end, eventTime);
    this.#open.set(user, [...before.filter((one) => !touched.includes(one)), session]);
    this.#changed.add(session);
    return true;
  }

  /** Closes what is due, as far as the transaction has room. */
  close(streamTime: number, output: TaskOutput): void {
    for (const [user, sessions] of this.#open)
      for (const session of sessions) {
        if (this.#deadlineOf(session) > streamTime) continue;
        if (output.isFull()) return;
        session.isFinal = true;
        this.#changed.add(session);
        this.#open.set(
          user,
          (this.#open.get(user) ?? []).filter((one) => one !== session),
        );
      }
  }

  flush(write: WriteSession): void {
    for (const session of this.#changed) {
      const { user, start, written } = session;
      if (written && written.start !== start) this.#gone.add(keyOf(user, written.start));
    }
    // First what is gone: another session may have come to begin where it did.
    for (const key of this.#gone) this.#end = write(key, undefined) + 1n;
    this.#gone.clear();
    for (const session of this.#changed) {
      const { user, start, end, clicks, isFinal } = session;
      const offset = write(keyOf(user, start), { end, clicks, final: isFinal });
      session.written = { start, offset };
      this.#end = offset + 1n;
    }
    this.#changed.clear();
  }

  /** The lowest offset that `restore` has to see. */
  get resultsFrom(): bigint {
    let from = this.#end;
    for (const { written } of this.#all()) if (written && written.offset < from) from = written.offset;
    return from;
  }

  *#all(): Iterable<OpenSession> {
    for (const sessions of this.#open.values()) yield* sessions;
  }

  #deadlineOf({ end }: OpenSession): number {
    const { gapMs, graceMs } = this.#settings;
    return end + gapMs + graceMs;
  }
}

function keyOf(user: number, start: number): string {
  return `${user}/${start}`;
}
