import type { Click } from './click.ts';
import type { PlacedModelRecord } from './model-log.ts';
import type { SessionResult, SessionSettings } from './session-result.ts';
import { expect, Violation } from './violation.ts';

interface Letter {
  readonly place: string;
  readonly offset: number;
  readonly streamTime: number;
}

/**
 * The sessions of one task: as published, and held against the clicks by what has to be so whatever the order in which they
 * were counted. It shares no code with what counts them.
 */
export class SessionRecount {
  readonly #settings: SessionSettings;
  readonly #where: string;
  #results: { readonly offset: number; readonly key: string; readonly result: SessionResult | undefined }[] =
    [];
  /** As readers see them, and as a checkpoint covers them. */
  readonly #newest = new Map<string, SessionResult>();
  readonly #published = new Map<string, SessionResult>();
  readonly #clicks = new Map<number, number[]>();
  readonly #changed = new Set<number>();
  #letters: Letter[] = [];
  #counted = 0;
  #late = 0;
  #openSessions = 0;

  constructor(settings: SessionSettings, partition: number) {
    this.#settings = settings;
    this.#where = `partition ${partition}`;
  }

  /** Whether there are results that no checkpoint covers. */
  get isAhead(): boolean {
    return this.#results.length > 0 || this.#letters.length > 0;
  }

  get openSessions(): number {
    return this.#openSessions;
  }

  /** Whether a session of the clicks counted so far closes at just this stream time. */
  closesAt(streamTime: number): boolean {
    const { gapMs, graceMs } = this.#settings;
    const end = streamTime - gapMs - graceMs;
    for (const times of this.#clicks.values()) if (times.includes(end)) return true;
    return false;
  }

  /** Takes in a committed result. @throws Violation */
  take({ key, value, offset }: PlacedModelRecord): void {
    const name = String(key);
    const before = this.#newest.get(name);
    if (before?.final)
      throw new Violation(
        `${this.#where}: session ${name} has a record at offset ${offset} after its final one`,
      );
    const result = value === null ? undefined : (JSON.parse(String(value)) as SessionResult);
    if (result) this.#newest.set(name, result);
    else if (!this.#newest.delete(name))
      throw new Violation(`${this.#where}: a tombstone for session ${name}, which there is not`);
    this.#results.push({ offset, key: name, result });
  }

  /** Takes in the dead letter of a click that is in no session. */
  takeLetter(letter: Letter): void {
    this.#letters.push(letter);
  }

  /** Counts a click below the newest position, unless it is listed as late. @throws Violation */
  count(place: string, { user, eventTime }: Click): void {
    this.#counted++;
    const index = this.#letters.findIndex((letter) => letter.place === place);
    const letter = this.#letters[index];
    if (letter) {
      this.#letters.splice(index, 1);
      this.#late++;
      if (eventTime >= letter.streamTime - this.#settings.graceMs)
        throw new Violation(`${this.#where}: the click of ${place} was in time for a session of its own`);
      return;
    }
    const times = this.#clicks.get(user) ?? [];
    times.push(eventTime);
    this.#clicks.set(user, times);
    this.#changed.add(user);
  }

  /** Letters so far. */
  get late(): number {
    return this.#late;
  }

  /** Checks what a checkpoint covers. @throws Violation */
  check(
    streamTime: number | null,
    isClosing: boolean,
    sums: Readonly<Record<string, number>>,
    books: { readonly sessioned: number; readonly sessionLate: number },
    { resultsEnd, lettersEnd }: { resultsEnd: number; lettersEnd: number },
    where: (what: string) => string,
  ): void {
    const early = this.#letters.find(({ offset }) => offset < lettersEnd);
    if (early)
      throw new Violation(where(`${early.place} is listed as late for a session and is not counted`));
    expect(where('books.sessionLate'), books.sessionLate, this.#late);
    expect(where('books.sessioned'), books.sessioned, this.#counted - this.#late);
    while ((this.#results[0]?.offset ?? Infinity) < resultsEnd) {
      const covered = this.#results.shift();
      if (!covered) break;
      if (covered.result) this.#published.set(covered.key, covered.result);
      else this.#published.delete(covered.key);
      this.#changed.add(Number(covered.key.split('/')[0]));
    }
    const { gapMs, graceMs } = this.#settings;
    const isClosed = ({ end }: SessionResult) => end + gapMs + graceMs <= (streamTime ?? -Infinity);
    let openSessions = 0;
    let sessionClicks = 0;
    const ofUsers = new Map<number, { start: number; result: SessionResult }[]>();
    for (const [key, result] of this.#published) {
      const isDue = isClosed(result);
      if (result.final !== isDue && !(isDue && isClosing))
        throw new Violation(
          where(`session ${key} is ${result.final ? 'final' : 'open'} at stream time ${streamTime}`),
        );
      if (!result.final) {
        openSessions++;
        sessionClicks += result.clicks;
      }
      const [user = 0, start = 0] = key.split('/').map(Number);
      if (!this.#changed.has(user)) continue;
      const sessions = ofUsers.get(user) ?? [];
      sessions.push({ start, result });
      ofUsers.set(user, sessions);
    }
    for (const user of this.#changed) this.#checkUser(user, ofUsers.get(user) ?? [], isClosed, where);
    this.#changed.clear();
    expect(where('sums.openSessions'), sums['openSessions'], openSessions);
    expect(where('sums.sessionClicks'), sums['sessionClicks'], sessionClicks);
    this.#openSessions = openSessions;
  }

  /** Each click is in one session, which is without gaps, and a gap apart from the one before unless that was closed. */
  #checkUser(
    user: number,
    sessions: { start: number; result: SessionResult }[],
    isClosed: (result: SessionResult) => boolean,
    where: (what: string) => string,
  ): void {
    const { gapMs } = this.#settings;
    const times = (this.#clicks.get(user) ?? []).sort((one, other) => one - other);
    sessions.sort((one, other) => one.start - other.start);
    let at = 0;
    let before: SessionResult | undefined;
    for (const { start, result } of sessions) {
      const what = `the session of user ${user} from ${start}`;
      if (before && start < before.end + gapMs && !isClosed(before) && !isClosed(result))
        throw new Violation(where(`${what} is not merged with the one before`));
      before = result;
      expect(where(`start of ${what}`), start, times[at]);
      let clicks = 0;
      let last = start;
      for (; (times[at] ?? Infinity) <= result.end; at++) {
        const time = times[at] ?? 0;
        if (time - last >= gapMs) throw new Violation(where(`${what} has a gap before ${time}`));
        last = time;
        clicks++;
      }
      expect(where(`clicks of ${what}`), result.clicks, clicks);
      expect(where(`end of ${what}`), result.end, last);
    }
    expect(where(`clicks of user ${user} in sessions`), at, times.length);
  }
}
