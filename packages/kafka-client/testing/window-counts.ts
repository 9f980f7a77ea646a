import type { InputName, TaskOutput } from '../src/task-logic.ts';
import type { Click } from './click.ts';
import type { SessionCounts } from './session-counts.ts';
import type { WindowResult, WindowSettings } from './window-result.ts';

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

  resume(streamTime: number | undefined, end: bigint): void {
    this.#streamTime = streamTime;
    this.#end = end;
  }

  restore(start: number, { clicks, users, usersExact, final }: WindowResult, offset: bigint): void {
    if (offset >= this.#end) this.#end = offset + 1n;
    this.#open.delete(start);
    if (final) return;
    const window = this.#windowAt(start);
    Object.assign(window, { clicks, usersAtLeast: users, usersExact, writtenAt: offset });
  }

  rebuild({ user, eventTime }: Click, input: InputName, offset: bigint): void {
    const window = this.#open.get(this.#startOf(eventTime));
    window?.users.add(user);
    if (window) window.from[input] ??= offset;
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

  /** @returns whether the click came in time for its window. */
  count({ user, eventTime }: Click, input: InputName, offset: bigint, output: TaskOutput): boolean {
    if (this.#streamTime === undefined || eventTime > this.#streamTime) {
      this.#streamTime = eventTime;
      this.#close(output);
    }
    const start = this.#startOf(eventTime);
    if (this.#deadlineOf(start) <= this.#streamTime) return false;
    const window = this.#windowAt(start);
    window.clicks++;
    window.users.add(user);
    window.from[input] ??= offset;
    this.#changed.add(window);
    return true;
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
  flush(output: TaskOutput, write: (start: number, result: WindowResult) => bigint): void {
    this.#close(output);
    for (const window of this.#changed) {
      const { start, clicks, usersExact, isFinal } = window;
      const users = Math.max(window.users.size, window.usersAtLeast);
      window.writtenAt = write(start, { clicks, users, usersExact, final: isFinal });
      this.#end = window.writtenAt + 1n;
    }
    this.#changed = new Set();
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
    let first = Infinity;
    for (const start of this.#open.keys()) if (start < first) first = start;
    return Math.min(this.#deadlineOf(first), this.#sessions?.nextDeadline ?? Infinity);
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

  #startOf(eventTime: number): number {
    return Math.floor(eventTime / this.#settings.sizeMs) * this.#settings.sizeMs;
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
