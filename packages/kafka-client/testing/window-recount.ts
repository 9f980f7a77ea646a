import type { Click } from './click.ts';
import type { PlacedModelRecord } from './model-log.ts';
import { EPOCH_MS, type World } from './simulation-world.ts';
import type { SessionRecount } from './session-recount.ts';
import { expect, Violation } from './violation.ts';
import { CLOSED_UNTIL_KEY, type ClosedUntil, type LogicState, type WindowResult } from './window-result.ts';

/** The dead letter of a click that came too late for some of its windows, or for all. */
export interface LateLetter {
  readonly reason: 'missed' | 'late';
  readonly place: string;
  readonly offset: number;
  readonly streamTime: number;
}

/** Two answers of the broker further apart are no idle time, as in src/idle-watch.ts. */
const LONGEST_INTERVAL_MS = 1_000;

/** The windows of one task: as published, and recounted from the clicks by code that shares nothing with what counts. */
export class WindowRecount {
  readonly #world: World;
  readonly #sessions: SessionRecount | undefined;
  readonly #where: string;
  /** Not yet covered by a checkpoint that can be checked. */
  #results: { readonly offset: number; readonly start: number; readonly result: WindowResult }[] = [];
  readonly #newest = new Map<number, WindowResult>();
  #closings: { readonly offset: number; readonly closedUntil: number }[] = [];
  /** As readers see it, and as a checkpoint covers it. */
  #newestClosedUntil = -Infinity;
  #closedUntil = -Infinity;
  readonly #published = new Map<number, WindowResult>();
  readonly #recounted = new Map<number, { clicks: number; readonly users: Set<number> }>();
  #letters: LateLetter[] = [];
  #counted = 0;
  /** Counted since the checkpoint before, with when readers came to see the click. */
  #late: (LateLetter & { readonly seenMs: number })[] = [];
  #greatestEventTime = -Infinity;
  /** How far event time has been ahead of the time at which readers came to see the click, at most. */
  #greatestLeadMs = -Infinity;
  #openWindows = 0;
  #state: LogicState = {
    streamTime: null,
    books: { windowed: 0, missed: 0, late: 0 },
    isClosing: false,
    windowsEnd: '0',
  };

  /** @param sessions that the same stream time closes. */
  constructor(world: World, partition: number, sessions?: SessionRecount) {
    this.#world = world;
    this.#sessions = sessions;
    this.#where = `partition ${partition}`;
  }

  /** Takes in a committed result. @throws Violation */
  take({ key, value, offset }: PlacedModelRecord): void {
    if (String(key) === CLOSED_UNTIL_KEY) {
      const { closedUntil } = JSON.parse(String(value)) as ClosedUntil;
      if (closedUntil < this.#newestClosedUntil)
        throw new Violation(
          `${this.#where}: windows are closed until ${closedUntil} after ${this.#newestClosedUntil}`,
        );
      this.#newestClosedUntil = closedUntil;
      this.#closings.push({ offset, closedUntil });
      return;
    }
    const start = Number(key);
    const result = JSON.parse(String(value)) as WindowResult;
    const before = this.#newest.get(start);
    const where = `${this.#where}: the window from ${start}`;
    if (start + this.#world.windows.sizeMs <= this.#newestClosedUntil)
      throw new Violation(
        `${where} has a result at offset ${offset}, and windows are closed until ${this.#newestClosedUntil}`,
      );
    if (before?.final) throw new Violation(`${where} has a result at offset ${offset} after its final one`);
    if (before && (before.clicks > result.clicks || before.users > result.users))
      throw new Violation(`${where} has ${JSON.stringify(result)} after ${JSON.stringify(before)}`);
    if (!result.usersExact && !this.#world.isForgetful)
      throw new Violation(`${where} has inexact users although all clicks are there`);
    this.#newest.set(start, result);
    this.#results.push({ offset, start, result });
  }

  /** Takes in a committed dead letter. @throws Violation */
  takeLetter(letter: LateLetter): void {
    const before = this.#letters.at(-1);
    if (before && before.streamTime > letter.streamTime)
      throw new Violation(
        `${this.#where}: stream time fell from ${before.streamTime} to ${letter.streamTime}`,
      );
    this.#letters.push(letter);
  }

  /**
   * Counts a click below the newest position in each of its windows, but for those that it is listed as too late for.
   *
   * @param place where it was read first.
   * @returns how it is listed, undefined if it is not.
   */
  count(place: string, click: Click, seenMs: number): LateLetter['reason'] | undefined {
    const { sizeMs, advanceMs } = this.#world.windows;
    this.#greatestEventTime = Math.max(this.#greatestEventTime, click.eventTime);
    this.#greatestLeadMs = Math.max(this.#greatestLeadMs, click.eventTime - seenMs);
    this.#counted++;
    const letter = this.#letters.find((one) => one.place === place);
    let closed = 0;
    let windows = 0;
    for (
      let start = click.eventTime - (click.eventTime % advanceMs);
      start + sizeMs > click.eventTime;
      start -= advanceMs
    ) {
      windows++;
      if (letter && this.#deadlineOf(start) <= letter.streamTime) {
        closed++;
        continue;
      }
      const window = this.#recounted.get(start) ?? { clicks: 0, users: new Set() };
      window.clicks++;
      window.users.add(click.user);
      this.#recounted.set(start, window);
    }
    if (!letter) return undefined;
    this.#letters.splice(this.#letters.indexOf(letter), 1);
    const { reason, streamTime } = letter;
    if (reason === 'late' ? closed < windows : closed === 0 || closed === windows)
      throw new Violation(
        `${this.#where}: the click of ${place} is ${reason}, and ${windows - closed} of its ${windows} windows were open at ${streamTime}`,
      );
    this.#late.push({ ...letter, seenMs });
    return reason;
  }

  /**
   * Checks what a checkpoint says, once all that is below its positions is counted.
   *
   * @param counts what the recount has found so far.
   * @param resultsEnd the offset behind the results that it covers.
   * @param lettersEnd the same of dead letters.
   * @throws Violation
   */
  check(
    state: LogicState,
    sums: Readonly<Record<string, number>>,
    counts: { readonly counted: number; readonly missed: number; readonly late: number },
    { resultsEnd, lettersEnd, seenMs }: { resultsEnd: number; lettersEnd: number; seenMs: number },
    where: (what: string) => string,
  ): void {
    const { coverage } = this.#world;
    const { windowed, late } = this.#state.books;
    if (this.#state.isClosing && windowed + late !== counts.counted)
      throw new Violation(where('clicks are counted while windows are left to close'));
    const early = this.#letters.find(({ offset }) => offset < lettersEnd);
    if (early) throw new Violation(where(`${early.place} is listed as ${early.reason} and is not counted`));
    expect(where('books.missed'), state.books.missed, counts.missed);
    expect(where('books.late'), state.books.late, counts.late);
    expect(where('books.windowed'), state.books.windowed, counts.counted - counts.late);
    while ((this.#results[0]?.offset ?? Infinity) < resultsEnd) {
      const covered = this.#results.shift();
      if (covered) this.#published.set(covered.start, covered.result);
    }
    while ((this.#closings[0]?.offset ?? Infinity) < resultsEnd)
      this.#closedUntil = this.#closings.shift()?.closedUntil ?? this.#closedUntil;
    this.#checkClosedUntil(state, where);
    expect(where('windows with a result'), this.#published.size, this.#recounted.size);
    this.#checkStreamTime(state.streamTime, seenMs, where);
    this.#checkLate(where);
    let openWindows = 0;
    let windowClicks = 0;
    for (const [start, { clicks, users }] of this.#recounted) {
      const published = this.#published.get(start);
      const what = `the window from ${start}`;
      expect(where(`clicks of ${what}`), published?.clicks, clicks);
      if (!published) continue;
      if (published.usersExact || published.users > users.size)
        expect(where(`users of ${what}`), published.users, users.size);
      else coverage.count('windows with inexact users');
      const isClosed = this.#deadlineOf(start) <= (state.streamTime ?? -Infinity);
      const isLeft = isClosed && !published.final && state.isClosing;
      if (published.final !== isClosed && !isLeft)
        throw new Violation(
          where(`${what} is ${published.final ? 'final' : 'open'} at stream time ${state.streamTime}`),
        );
      if (published.final) continue;
      if (start + this.#world.windows.sizeMs <= this.#closedUntil)
        throw new Violation(where(`${what} is open, and windows are closed until ${this.#closedUntil}`));
      openWindows++;
      windowClicks += clicks;
    }
    expect(where('sums.openWindows'), sums['openWindows'], openWindows);
    expect(where('sums.windowClicks'), sums['windowClicks'], windowClicks);
    this.#state = state;
    this.#openWindows = openWindows;
  }

  /** Whether there are results that no checkpoint covers. */
  get isAhead(): boolean {
    return this.#results.length > 0 || this.#closings.length > 0 || this.#letters.length > 0;
  }

  /** Windows that have no final result as of the newest checkpoint that was checked. */
  get openWindows(): number {
    return this.#openWindows;
  }

  /** How far windows are closed is said with the transaction that has closed them, the last one if it takes several. */
  #checkClosedUntil({ streamTime, isClosing }: LogicState, where: (what: string) => string): void {
    if (streamTime === null) return;
    const { advanceMs, graceMs } = this.#world.windows;
    const closeTime = streamTime - graceMs;
    const due = closeTime - (closeTime % advanceMs);
    if (isClosing ? this.#closedUntil > due : this.#closedUntil !== due)
      throw new Violation(
        where(`windows are closed until ${this.#closedUntil}, expected ${due} at stream time ${streamTime}`),
      );
  }

  #checkStreamTime(streamTime: number | null, seenMs: number, where: (what: string) => string): void {
    if (streamTime === null) {
      expect(where('clicks counted without stream time'), this.#counted, 0);
      return;
    }
    const what = `stream time ${streamTime}`;
    if (streamTime < (this.#state.streamTime ?? -Infinity))
      throw new Violation(where(`${what} fell from ${this.#state.streamTime ?? '?'}`));
    if (streamTime === this.#greatestEventTime) return;
    if (streamTime < this.#greatestEventTime)
      throw new Violation(where(`${what} is before the event time ${this.#greatestEventTime}`));
    this.#world.coverage.count('checkpoints with a stream time of idle time');
    // What idle time may make of it.
    const { sizeMs, graceMs } = this.#world.windows;
    if (!this.#recounted.has(streamTime - sizeMs - graceMs) && !this.#sessions?.closesAt(streamTime))
      throw new Violation(where(`${what} is that of no click, and closes no window`));
    if (streamTime > EPOCH_MS + seenMs) throw new Violation(where(`${what} is ahead of the wall clock`));
    const couldBe = this.#greatestLeadMs + seenMs;
    if (streamTime > couldBe)
      throw new Violation(where(`${what} went faster than time: ${couldBe} is the most that it could be`));
  }

  /** No click is late because it was read late: its stream time is what the clicks before it and the time since then say. */
  #checkLate(where: (what: string) => string): void {
    // The longest interval that still is idle time, of which the long poll is over when the answer comes.
    const mostAheadMs = LONGEST_INTERVAL_MS - this.#world.timeouts.fetchMs;
    for (const { place, reason, streamTime, seenMs } of this.#late) {
      const couldBe = Math.max(this.#greatestEventTime, this.#greatestLeadMs + seenMs);
      if (streamTime > couldBe + mostAheadMs)
        throw new Violation(
          where(
            `the click of ${place} is ${reason} because of a pause: stream time was ${streamTime}, and could be ${couldBe}`,
          ),
        );
    }
    this.#late = [];
  }

  #deadlineOf(start: number): number {
    const { sizeMs, graceMs } = this.#world.windows;
    return start + sizeMs + graceMs;
  }
}
