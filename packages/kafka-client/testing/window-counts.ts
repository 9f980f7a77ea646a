import type { InputName, TaskOutput } from '../src/task-logic.ts';
import type { Click } from './click.ts';
import type { SessionCounts } from './session-counts.ts';
import {
  CLOSED_UNTIL_KEY,
  type ClosedUntil,
  type WindowResult,
  type WindowSettings,
} from './window-result.ts';

interface OpenWindow {
  readonly start: number;
  readonly users: Set<number>;
  /** The lowest offset of a click in it, for each input that has one. */
  readonly from: Record<InputName, bigint | undefined>;
  clicks: number;
  /** As published before a restart. */
  usersAtLeast: number;
  usersExact: boolean;
  /** Where its newest record stands. */
  writtenAt: bigint | undefined;
  isFinal: boolean;
}

/** Clicks and distinct users per window, and the stream time that closes it: what the aggregator does, in small. */
export class WindowCounts {
  readonly #settings: WindowSettings;
  readonly #sessions: SessionCounts | undefined;
  readonly #open = new Map<number, OpenWindow>();
  #changed = new Set<OpenWindow>();
  #streamTime: number | undefined;
  /** Idle time that has closed nothing yet. */
  #idleMs = 0;
  #end = 0n;
  /** As the newest record of it says; undefined where that has to be said again. */
  #closedUntil: number | undefined;

  /** @param sessions closed by the same stream time. */
  constructor(settings: WindowSettings, sessions?: SessionCounts) {
    this.#settings = settings;
    this.#sessions = sessions;
  }

  /** Undefined before the first click. */
  get streamTime(): number | undefined {
    return this.#streamTime;
  }

  /** Offset behind the last record known of the topic. */
  get end(): bigint {
    return this.#end;
  }

  get heldBack(): number {
    return this.#changed.size;
  }

  /** Whether a window is open that stream time has closed. */
  get isClosing(): boolean {
    return this.#nextDeadline <= (this.#streamTime ?? -Infinity);
  }

  get sums(): { openWindows: number; windowClicks: number } {
    let windowClicks = 0;
    for (const { clicks } of this.#open.values()) windowClicks += clicks;
    return { openWindows: this.#open.size, windowClicks };
  }

  /** @param wasClosing whether windows were left to close, so that it was not said yet how far they are closed. */
  resume(streamTime: number | undefined, end: bigint, wasClosing: boolean): void {
    this.#streamTime = streamTime;
    this.#end = end;
    if (streamTime !== undefined && !wasClosing) this.#closedUntil = this.#closedAt(streamTime);
  }

  restore(key: string, value: string, offset: bigint): void {
    if (offset >= this.#end) this.#end = offset + 1n;
    // How far windows are closed follows from the stream time.
    if (key === CLOSED_UNTIL_KEY) return;
    const start = Number(key);
    const { clicks, users, usersExact, final } = JSON.parse(value) as WindowResult;
    this.#open.delete(start);
    if (final) return;
    const window = this.#windowAt(start);
    Object.assign(window, { clicks, usersAtLeast: users, usersExact, writtenAt: offset });
  }

  rebuild({ user, eventTime }: Click, input: InputName, offset: bigint): void {
    for (const start of this.#startsOf(eventTime)) {
      const window = this.#open.get(start);
      window?.users.add(user);
      if (window) window.from[input] ??= offset;
    }
  }

  loseUsers(): void {
    for (const window of this.#open.values()) {
      window.usersExact = false;
      this.#changed.add(window);
    }
  }

  /** A record came, so that no idle time runs. */
  endIdleTime(): void {
    this.#idleMs = 0;
  }

  /** @returns what the click is: in time for all of its windows, for some of them, or for none. */
  count(
    { user, eventTime }: Click,
    input: InputName,
    offset: bigint,
    output: TaskOutput,
  ): 'in time' | 'missed' | 'late' {
    if (this.#streamTime === undefined || eventTime > this.#streamTime) {
      this.#streamTime = eventTime;
      this.#close(output);
    }
    const starts = this.#startsOf(eventTime);
    let missed = 0;
    for (const start of starts) {
      if (this.#deadlineOf(start) <= this.#streamTime) {
        missed++;
        continue;
      }
      const window = this.#windowAt(start);
      window.clicks++;
      window.users.add(user);
      window.from[input] ??= offset;
      this.#changed.add(window);
    }
    if (missed === starts.length) return 'late';
    return missed > 0 ? 'missed' : 'in time';
  }

  /** Moves stream time from deadline to deadline. @returns how many windows it has closed. */
  idle(idleMs: number, wallClockMs: number, output: TaskOutput): number {
    if (this.#streamTime === undefined) return 0;
    const before = this.#open.size + (this.#sessions?.size ?? 0);
    this.#idleMs += idleMs;
    while (!this.isClosing) {
      const next = this.#nextDeadline;
      if (next > this.#streamTime + this.#idleMs || next > wallClockMs) break;
      this.#idleMs -= next - this.#streamTime;
      this.#streamTime = next;
      this.#close(output);
    }
    return before - this.#open.size - (this.#sessions?.size ?? 0);
  }

  /** @param write returns the offset at which the record will stand. */
  flush(output: TaskOutput, write: (key: string, result: WindowResult | ClosedUntil) => bigint): void {
    this.#close(output);
    for (const window of this.#changed) {
      const { start, clicks, usersExact, isFinal } = window;
      const users = Math.max(window.users.size, window.usersAtLeast);
      window.writtenAt = write(String(start), { clicks, users, usersExact, final: isFinal });
      this.#end = window.writtenAt + 1n;
    }
    this.#changed = new Set();
    if (this.#streamTime === undefined || this.#deadlineOf(this.#firstStart) <= this.#streamTime) return;
    const closedUntil = this.#closedAt(this.#streamTime);
    if (closedUntil === this.#closedUntil) return;
    this.#closedUntil = closedUntil;
    this.#end = write(CLOSED_UNTIL_KEY, { closedUntil }) + 1n;
  }

  /** The lowest offset of that input that holds a click of an open window. */
  rebuildFrom(input: InputName): bigint | undefined {
    return least([...this.#open.values()].map(({ from }) => from[input]));
  }

  /** The lowest offset that `restore` has to see. */
  get resultsFrom(): bigint {
    return least([...this.#open.values()].map(({ writtenAt }) => writtenAt)) ?? this.#end;
  }

  get #nextDeadline(): number {
    return Math.min(this.#deadlineOf(this.#firstStart), this.#sessions?.nextDeadline ?? Infinity);
  }

  /** Of the open windows, Infinity if none is. */
  get #firstStart(): number {
    let first = Infinity;
    for (const start of this.#open.keys()) if (start < first) first = start;
    return first;
  }

  /** Closes what is due, as far as the transaction has room. */
  #close(output: TaskOutput): void {
    for (const [start, window] of this.#open) {
      if (this.#deadlineOf(start) > (this.#streamTime ?? -Infinity)) continue;
      if (output.isFull()) return;
      this.#open.delete(start);
      window.isFinal = true;
      this.#changed.add(window);
    }
    if (this.#streamTime !== undefined) this.#sessions?.close(this.#streamTime, output);
  }

  #windowAt(start: number): OpenWindow {
    let window = this.#open.get(start);
    if (!window) {
      window = {
        start,
        users: new Set(),
        from: { input: undefined, repartition: undefined },
        clicks: 0,
        usersAtLeast: 0,
        usersExact: true,
        writtenAt: undefined,
        isFinal: false,
      };
      this.#open.set(start, window);
    }
    return window;
  }

  /** Of all windows that it is in, the first one first. */
  #startsOf(eventTime: number): number[] {
    const { sizeMs, advanceMs } = this.#settings;
    const last = Math.floor(eventTime / advanceMs) * advanceMs;
    return Array.from({ length: sizeMs / advanceMs }, (_, index) => last - sizeMs + (index + 1) * advanceMs);
  }

  /** The greatest end of a window that is closed at that stream time. */
  #closedAt(streamTime: number): number {
    const { advanceMs, graceMs } = this.#settings;
    return Math.floor((streamTime - graceMs) / advanceMs) * advanceMs;
  }

  #deadlineOf(start: number): number {
    return start + this.#settings.sizeMs + this.#settings.graceMs;
  }
}

function least(offsets: readonly (bigint | undefined)[]): bigint | undefined {
  let lowest: bigint | undefined;
  for (const offset of offsets)
    if (offset !== undefined && (lowest === undefined || offset < lowest)) lowest = offset;
  return lowest;
}
