import {
  decodePageClicks,
  decodeRunningTotal,
  decodeUserSession,
  decodeUserSessionKey,
  encodeClosedUntil,
  encodeDeadLetter,
  encodePageClicks,
  encodeRunningTotal,
  encodeUserSession,
  isClosedUntilKey,
  userSessionKey,
  type ClickEvent,
  type DeadLetter,
  type Decoded,
  type RecordFormat,
} from '@clickstream/schema';
import { ClickCounter } from './click-counter.ts';
import { Duplicates, type DuplicatesState, type HashText } from './duplicates.ts';
import type { InputName } from './inputs.ts';
import { JudgedBefore, type JudgedBeforeState } from './judged-before.ts';
import { pageOfUrl } from './page-of-url.ts';
import { PageWindows } from './page-windows.ts';
import {
  ingestTimeOf,
  readClick,
  Rejection,
  type ClickOrigin,
  type ClickRecord,
  type ForwardedFrom,
} from './read-click.ts';
import type { RememberedIdsOptions } from './remembered-ids.ts';
import { Sessions, type SessionOutput } from './sessions.ts';
import { StreamClock, type StreamClockState } from './stream-clock.ts';
import { TimeWindows } from './time-windows.ts';
import { Users, type User } from './users.ts';

export type { ClickOrigin, ClickRecord, ForwardedFrom };

/** Where results, dead letters and forwarded clicks go. */
export interface ClickOutput<Record> {
  /** Returns the offset at which the record will stand. */
  write(record: {
    topic: string;
    key: Buffer | null;
    value: Buffer | null;
    headers?: Readonly<globalThis.Record<string, Buffer | string | (Buffer | string)[]>>;
  }): bigint;
  forward(record: Record, homePartition: number, key: Buffer): void;
  /** Whether the next transaction holds as much as one should; what closes then is left to the next ones. */
  isFull(): boolean;
}

export interface ClickTopologyOptions {
  /** The partition of `clicks` that this topology counts. */
  readonly partition: number;
  readonly topics: {
    readonly clicks: string;
    readonly repartition: string;
    readonly totals: string;
    readonly pages: string;
    readonly sessions: string;
    readonly deadLetters: string;
  };
  /** The partition where all clicks of a user are counted; the same function for every process. */
  readonly homeOf: (userId: Buffer) => number;
  readonly hashText: HashText;
  readonly format: RecordFormat;
  /** One total per user and `flush`, or one per click. */
  readonly emit: 'coalesced' | 'every';
  readonly windows: {
    readonly sizeMs: number;
    /** Divides `sizeMs`. */
    readonly advanceMs: number;
    /** Pages that a window keeps apart; the rest is counted as `(other)`. */
    readonly maxPages: number;
    /** Whether a page is the path of a url or all of it. */
    readonly pageKey: 'path' | 'url';
  };
  readonly sessionGapMs: number;
  /** How long windows and sessions stay open after their end, ms of stream time. */
  readonly graceMs: number;
  /** How far event time may be ahead of ingest time. */
  readonly maxFutureMs: number;
  readonly deduplication: RememberedIdsOptions;
}

/** Clicks by what became of them: counted = windowed + late = sessioned + sessionLate; missed are windowed too. */
export interface ClickBooks {
  windowed: number;
  late: number;
  missed: number;
  sessioned: number;
  sessionLate: number;
}

/** Settings that decide what becomes of a click, and that may change at a restart. */
export interface ClickSettings {
  readonly graceMs: number;
  readonly sessionGapMs: number;
  readonly maxFutureMs: number;
  readonly maxPages: number;
  /** Of de-duplication. */
  readonly horizonMs: number;
}

/** The least and the greatest value of a setting that was ever in force. */
export interface SettingRange {
  readonly least: number;
  readonly greatest: number;
}

/** What a checkpoint says about a topology, beside what is read back from the topics; plain JSON. */
export interface ClickTopologySnapshot {
  readonly books: Readonly<ClickBooks>;
  /** Null before the first click. */
  readonly clock: StreamClockState | null;
  readonly isIdle: boolean;
  /** Sessions that ended there or before may be final; older checkpoints lack it. Null before the first click. */
  readonly sessionsFinalUntil?: number | null;
  /** Whether final results are left to the next transactions; older checkpoints lack it. */
  readonly isClosing?: boolean;
  readonly duplicates: DuplicatesState;
  /**
   * The lowest offset of each input that holds a click of an open window, as decimal text, null if none does; older checkpoints
   * lack it.
   */
  readonly windowsFrom?: Readonly<globalThis.Record<InputName, string | null>>;
  /** What cannot change while results of it are open. */
  readonly windows: { readonly sizeMs: number; readonly advanceMs: number; readonly pageKey: string };
  /** What may change at a restart; for those who recount. */
  readonly settings: ClickSettings;
  /** Those of them that were others before. */
  readonly changedSettings: readonly (keyof ClickSettings)[];
  /** By name of those, what they were and are; of what an older version has changed that is not known, and missing. */
  readonly changedWithin?: Readonly<Partial<globalThis.Record<keyof ClickSettings, SettingRange>>>;
  /** By which other values of `maxFutureMs` records were judged that a rebuild has to read; older checkpoints lack it. */
  readonly judgedBefore?: Readonly<globalThis.Record<InputName, JudgedBeforeState>>;
  /** Next offsets of the result topics, as decimal text: they may hold no record any more. */
  readonly resultEnds: { readonly pages: string; readonly sessions: string };
}

/** What a total takes at most beside its user and url, in key and value together. */
const TOTAL_BYTES = 150;

/** A result read back from its topic that does not decode, so that counting on would lose what it held. */
export class UnreadableResultError extends Error {
  override readonly name = 'UnreadableResultError';
}

/** A checkpoint made with windows of another shape, which cannot be counted on in windows of this one. */
export class OtherWindowsError extends Error {
  override readonly name = 'OtherWindowsError';
}

/** A checkpoint of a version that counted totals only: windows and sessions of the clicks before it would be missing. */
export class OtherVersionError extends Error {
  override readonly name = 'OtherVersionError';

  constructor() {
    super(
      'its checkpoint is of a version that counted totals only: use another APPLICATION_ID and other result and dead-letter topics, and count anew',
    );
  }
}

/**
 * The aggregation of one partition: records in; results, dead letters and forwarded clicks out. No record is
 * dropped and none throws: what cannot be counted, or came too late for a window or session, becomes a dead letter that
 * says why. It is driven by records and by idle time that is told; it knows no other clock.
 *
 * After a restart: `resume`, then `restore` of all results, then `rebuild` of both inputs.
 */
export class ClickTopology<Record extends ClickRecord> {
  readonly #options: ClickTopologyOptions;
  readonly #users = new Users();
  readonly #counter = new ClickCounter();
  readonly #clock: StreamClock;
  readonly #timeWindows: TimeWindows;
  readonly #windows: PageWindows;
  readonly #sessions: Sessions;
  readonly #duplicates: Duplicates;
  #books: ClickBooks = { windowed: 0, late: 0, missed: 0, sessioned: 0, sessionLate: 0 };
  /** Users whose total is to be published by `flush`, in the order of their first change. */
  #changed: User[] = [];
  /** Of the totals to be published, by estimate. */
  #changedBytes = 0;
  /** Whether idle time has closed every window that was open. */
  #isIdle = false;
  /** What the partition's newest `closedUntil` record says. */
  #published: { closedUntil: number; isIdle: boolean } | undefined;
  readonly #settings: ClickSettings;
  #changedSettings: readonly (keyof ClickSettings)[] = [];
  #changedWithin: NonNullable<ClickTopologySnapshot['changedWithin']> = {};
  readonly #judgedBefore: Readonly<globalThis.Record<InputName, JudgedBefore>>;
  /** As the checkpoint resumed from says. */
  #windowsFrom: ClickTopologySnapshot['windowsFrom'];
  /** Whether a restart is still to be settled, with the first thing that happens after it. */
  #isRestarting = false;

  /** @throws RangeError for windows whose advance does not divide their size. */
  constructor(options: ClickTopologyOptions) {
    const { partition, windows, graceMs, sessionGapMs, maxFutureMs, deduplication, hashText } = options;
    this.#options = options;
    const { horizonMs } = deduplication;
    this.#settings = { graceMs, sessionGapMs, maxFutureMs, maxPages: windows.maxPages, horizonMs };
    this.#clock = new StreamClock(graceMs);
    this.#timeWindows = new TimeWindows(windows.sizeMs, windows.advanceMs);
    this.#windows = new PageWindows({ partition, windows: this.#timeWindows, maxPages: windows.maxPages });
    this.#sessions = new Sessions(sessionGapMs, this.#users);
    this.#duplicates = new Duplicates(deduplication, hashText);
    this.#judgedBefore = { input: new JudgedBefore(maxFutureMs), repartition: new JudgedBefore(maxFutureMs) };
  }

  /** Records that `flush` would write now, give or take a `closedUntil`. */
  get heldBack(): number {
    return this.#changed.length + this.#windows.heldBack + this.#sessions.heldBack;
  }

  /** Their bytes, by estimate. */
  get heldBackBytes(): number {
    return this.#changedBytes + this.#windows.heldBackBytes + this.#sessions.heldBackBytes;
  }

  /**
   * Whether something is open that stream time has closed: more has closed than one transaction holds. Then flushes have to
   * follow, each with its transaction, until it is false, before `process` or `idle` is called again.
   */
  get isClosing(): boolean {
    const { closeTime } = this.#clock;
    return this.#windows.nextEnd <= closeTime || this.#sessions.isOverdue(closeTime);
  }

  /** What became of the clicks that were counted. */
  books(): Readonly<ClickBooks & globalThis.Record<string, number>> {
    return { ...this.#books };
  }

  /** State in memory, beside {@link sums}: ids remembered, their bytes, and those forgotten before their horizon. */
  memory(): { rememberedIds: number; rememberedIdBytes: number; idsForgottenEarly: number } {
    const { size, bytes, forgottenEarly } = this.#duplicates.remembered;
    return { rememberedIds: size, rememberedIdBytes: bytes, idsForgottenEarly: forgottenEarly };
  }

  /** Sums over the state: after a restore they must be what they were at the last commit. */
  sums(): {
    clicks: number;
    users: number;
    openWindows: number;
    openPages: number;
    windowClicks: number;
    openSessions: number;
    sessionClicks: number;
  } {
    return {
      clicks: this.#counter.clicks,
      users: this.#counter.users,
      openWindows: this.#windows.openWindows,
      openPages: this.#windows.openPages,
      windowClicks: this.#windows.clicks,
      openSessions: this.#sessions.openSessions,
      sessionClicks: this.#sessions.clicks,
    };
  }

  snapshot(): ClickTopologySnapshot {
    const { sizeMs, advanceMs, pageKey } = this.#options.windows;
    return {
      books: { ...this.#books },
      clock: this.#clock.state ?? null,
      isIdle: this.#isIdle,
      sessionsFinalUntil: this.#clock.state ? this.#sessions.finalUntil(this.#clock.closeTime) : null,
      isClosing: this.isClosing,
      duplicates: this.#duplicates.state,
      windowsFrom: {
        input: this.#windows.rebuildFrom('input')?.toString() ?? null,
        repartition: this.#windows.rebuildFrom('repartition')?.toString() ?? null,
      },
      windows: { sizeMs, advanceMs, pageKey },
      settings: this.#settings,
      changedSettings: this.#changedSettings,
      changedWithin: this.#changedWithin,
      judgedBefore: {
        input: this.#judgedBefore.input.stateFrom(this.#neededFrom('input')),
        repartition: this.#judgedBefore.repartition.stateFrom(this.#neededFrom('repartition')),
      },
      resultEnds: {
        pages: String(this.#windows.resultsEnd),
        sessions: String(this.#sessions.resultsEnd),
      },
    };
  }

  /**
   * Takes over what `snapshot` said.
   *
   * @throws OtherWindowsError if windows have another shape now, OtherVersionError if there was no snapshot.
   */
  resume(snapshot: unknown): void {
    if (snapshot === undefined) throw new OtherVersionError();
    // Written by `snapshot` above and covered by the checkpoint, which only this application writes.
    const {
      books,
      clock,
      isIdle,
      sessionsFinalUntil,
      duplicates,
      windowsFrom,
      windows,
      settings,
      judgedBefore,
      resultEnds,
    } = snapshot as ClickTopologySnapshot;
    for (const name of ['sizeMs', 'advanceMs', 'pageKey'] as const) {
      const now = this.#options.windows[name];
      if (now !== windows[name])
        throw new OtherWindowsError(
          `windows were counted with ${name} ${windows[name]} and now it is ${now}: use other result topics and another APPLICATION_ID, or the old value`,
        );
    }
    this.#resumeSettings(snapshot as ClickTopologySnapshot);
    this.#books = { ...books };
    this.#isIdle = isIdle;
    this.#windowsFrom = windowsFrom;
    this.#duplicates.resume(duplicates);
    for (const input of ['input', 'repartition'] as const)
      this.#judgedBefore[input].resume(judgedBefore?.[input] ?? [], settings.maxFutureMs);
    this.#windows.reach(BigInt(resultEnds.pages));
    this.#sessions.reach(BigInt(resultEnds.sessions));
    if (clock === null) return;
    this.#published = { closedUntil: this.#timeWindows.lastEnd(clock.closeTime), isIdle };
    this.#sessions.resume(sessionsFinalUntil ?? clock.closeTime - settings.sessionGapMs);
    this.#clock.resume(clock);
    this.#isRestarting = true;
  }

  /** Takes over a published result of any of the topics, in offset order. @throws UnreadableResultError */
  restore(topic: string, record: Record): void {
    const { topics } = this.#options;
    if (topic === topics.totals) this.#restoreTotal(topic, record);
    else if (topic === topics.pages) this.#restorePage(topic, record);
    else this.#restoreSession(topic, record);
  }

  /**
   * Takes what memory needs of a record that was processed before: its id, and its user for windows that are still
   * open. It filters and never classifies again: a window that is open now was open when the click came, and what was
   * of the future is told by the limit of then.
   *
   * Known limit: a record that an older version of this program rejected and this one can read (`malformed`,
   * `unsupported-version`) is remembered, so that it is a duplicate if it is sent again within the horizon after the
   * upgrade. Send it again after the horizon has passed.
   */
  rebuild(record: Record, forwardedFrom: ForwardedFrom): void {
    const input = inputOf(forwardedFrom);
    const event = readClick(record, forwardedFrom, this.#judgedBefore[input].limitFor(record));
    if (event instanceof Rejection) return;
    // A click counted here has its user in a total; every other one was forwarded or is misrouted.
    const user = this.#users.find(event.userId);
    if (!user) return;
    const { eventId, timestamp, url } = event;
    const ingestTime = ingestTimeOf(record, forwardedFrom);
    if (eventId !== undefined && this.#duplicates.isDuplicate(user, eventId, input, record, ingestTime, true))
      return;
    this.#windows.rebuild(timestamp, this.#pageOf(url), user.number, input, record);
  }

  /**
   * Records are gone that `rebuild` should have seen: distinct users of the windows open now are a lower bound, unless these were
   * records that only de-duplication needs, which looks back further.
   */
  rebuildIsPartial(gone?: { readonly input: InputName; readonly below: bigint }): void {
    if (gone && this.#windowsFrom) {
      const from = this.#windowsFrom[gone.input];
      if (from === null || BigInt(from) >= gone.below) return;
    }
    this.#windows.loseUsers();
  }

  /** Handles one record of the click topic, or one that was forwarded to us. */
  process(
    record: Record,
    forwardedFrom: ForwardedFrom,
    output: ClickOutput<Record>,
  ): 'counted' | 'duplicate' | 'rejected' | 'forwarded' {
    const { partition, homeOf, emit, maxFutureMs } = this.#options;
    this.#clock.endIdleTime();
    if (this.#isRestarting) this.#settle();
    const input = inputOf(forwardedFrom);
    const ingestTime = ingestTimeOf(record, forwardedFrom);
    this.#duplicates.read(input, ingestTime);

    const event = readClick(record, forwardedFrom, maxFutureMs);
    if (event instanceof Rejection) {
      this.#writeDeadLetter(record, forwardedFrom, event, output);
      return 'rejected';
    }
    const { userId, eventId } = event;
    let user = this.#users.find(userId);
    // A user already known here is at home, so that the hash costs once per user.
    if (!user) {
      const key = Buffer.from(userId);
      const home = homeOf(key);
      if (home !== partition) {
        if (forwardedFrom !== undefined) {
          const detail = `was forwarded to partition ${partition}, but is at home in ${home}`;
          this.#writeDeadLetter(record, forwardedFrom, new Rejection('misrouted', detail), output);
          return 'rejected';
        }
        output.forward(record, home, key);
        return 'forwarded';
      }
      user = this.#users.admit(userId);
    }
    // A sentence has no event id: sent twice, it is two clicks.
    if (
      eventId !== undefined &&
      this.#duplicates.isDuplicate(user, eventId, input, record, ingestTime) &&
      user.clicks > 0
    )
      return 'duplicate';

    this.#counter.count(user, event);
    if (emit === 'every') this.#publishTotal(user, output);
    else this.#change(user);
    this.#isIdle = false;
    // Sessions and windows left open by this ended before `closeTime`, more than a gap before this click: it cannot
    // touch them.
    if (this.#clock.count(event.timestamp)) this.#close(output);
    this.#countInWindows(user, event, input, record, forwardedFrom, output);
    this.#countInSessions(user, event, record, forwardedFrom, output);
    return 'counted';
  }

  /** Told after each batch: whether that input is read up to its end. */
  caughtUp(input: InputName, isCaughtUp: boolean): void {
    this.#duplicates.caughtUp(input, isCaughtUp);
  }

  /**
   * Nothing has come for `idleMs` more: windows and sessions close as if event time had gone on by it.
   *
   * @param wallClockMs now, ms since the epoch; stream time is never moved beyond it.
   * @returns whether that changed anything that has to be committed.
   */
  idle(idleMs: number, wallClockMs: number, output: ClickOutput<Record>): boolean {
    const isRestarting = this.#isRestarting;
    if (isRestarting) this.#settle();
    const hasMoved = this.#clock.idle(
      idleMs,
      wallClockMs,
      () => this.#nextEnd,
      () => {
        this.#close(output);
      },
    );
    if (this.#isIdle || this.#clock.state === undefined || this.#windows.openWindows > 0)
      return hasMoved || (isRestarting && this.heldBack > 0);
    this.#isIdle = true;
    return true;
  }

  /** The idle period has begun anew: time told before counts no more. */
  idleEnded(): void {
    this.#clock.endIdleTime();
  }

  /**
   * Publishes what was held back since the last time: totals, windows, sessions, and how far windows are closed. Before that it closes
   * what is left to be closed, as far as there is room.
   */
  flush(output: ClickOutput<Record>): void {
    const { topics } = this.#options;
    if (this.#isRestarting) this.#settle();
    this.#close(output);
    for (const user of this.#changed) {
      user.isChanged = false;
      this.#publishTotal(user, output);
    }
    this.#changed = [];
    this.#changedBytes = 0;
    const write = (topic: string, key: string, value: string | null) =>
      output.write({ topic, key: Buffer.from(key), value: value === null ? null : Buffer.from(value) });
    this.#windows.flush((result) => {
      const { key, value } = encodePageClicks(result);
      return write(topics.pages, key, value);
    });
    const sessionOutput: SessionOutput = {
      write: (session) => {
        const { key, value } = encodeUserSession(session);
        return write(topics.sessions, key, value);
      },
      writeTombstone: (key) => write(topics.sessions, userSessionKey(key), null),
    };
    this.#sessions.flush(sessionOutput);
    this.#publishClosedUntil((key, value) => write(topics.pages, key, value));
  }

  /** The lowest offset of an input that `rebuild` has to see. */
  rebuildFrom(input: InputName, position: bigint): bigint {
    return this.#neededFrom(input) ?? position;
  }

  /** The lowest offset of the windowed topics that `restore` has to see; totals are read from their beginning. */
  resultsFrom(): globalThis.Record<string, bigint> {
    const { pages, sessions } = this.#options.topics;
    return { [pages]: this.#windows.resultsFrom, [sessions]: this.#sessions.resultsFrom };
  }

  /** The lowest offset of an input that holds something memory needs, or a lower one; undefined if none does. */
  #neededFrom(input: InputName): bigint | undefined {
    const ids = this.#duplicates.rebuildFrom(input);
    const windows = this.#windows.rebuildFrom(input);
    if (ids === undefined || windows === undefined) return ids ?? windows;
    return ids < windows ? ids : windows;
  }

  #countInWindows(
    user: User,
    { url, timestamp }: ClickEvent,
    input: InputName,
    record: Record,
    forwardedFrom: ForwardedFrom,
    output: ClickOutput<Record>,
  ): void {
    const { closeTime, streamTime } = this.#clock;
    const { sizeMs, advanceMs } = this.#timeWindows;
    const page = this.#pageOf(url);
    const missed = this.#windows.count(timestamp, page, user.number, closeTime, input, record);
    if (missed === sizeMs / advanceMs) {
      this.#books.late++;
      const detail = `event time ${timestamp}: every window of it had closed at stream time ${streamTime}`;
      this.#writeDeadLetter(record, forwardedFrom, new Rejection('late', detail), output, {
        streamTimeMs: streamTime,
      });
      return;
    }
    this.#books.windowed++;
    if (missed === 0) return;
    this.#books.missed++;
    const firstStart = this.#timeWindows.firstStart(timestamp);
    const missedWindows = Array.from({ length: missed }, (_, index) => firstStart + index * advanceMs);
    const detail = `event time ${timestamp}: ${missed} of its ${sizeMs / advanceMs} windows had closed at stream time ${streamTime}`;
    this.#writeDeadLetter(record, forwardedFrom, new Rejection('missed', detail), output, {
      streamTimeMs: streamTime,
      missedWindows,
    });
  }

  #countInSessions(
    user: User,
    { url, timestamp }: ClickEvent,
    record: Record,
    forwardedFrom: ForwardedFrom,
    output: ClickOutput<Record>,
  ): void {
    const { closeTime, streamTime } = this.#clock;
    if (this.#sessions.count(user, timestamp, url, closeTime)) {
      this.#books.sessioned++;
      return;
    }
    this.#books.sessionLate++;
    const detail = `event time ${timestamp} is older than the grace at stream time ${streamTime}, and there is no open session that may still begin or go on there`;
    this.#writeDeadLetter(record, forwardedFrom, new Rejection('session-late', detail), output, {
      streamTimeMs: streamTime,
    });
  }

  /** Ends a restart: users are compared, and it is told anew how far windows are closed where some were left open. */
  #settle(): void {
    this.#isRestarting = false;
    this.#windows.checkUsers();
    if (this.#windows.nextEnd <= this.#clock.closeTime) this.#published = undefined;
  }

  /** Takes note of the settings that are others than before, or were others before that. */
  #resumeSettings({ settings, changedSettings, changedWithin }: ClickTopologySnapshot): void {
    const names = Object.keys(settings) as (keyof ClickSettings)[];
    this.#changedSettings = names.filter(
      (name) => changedSettings.includes(name) || settings[name] !== this.#settings[name],
    );
    const ranges = this.#changedSettings.flatMap((name) => {
      const now = this.#settings[name];
      const before = changedSettings.includes(name)
        ? changedWithin?.[name]
        : { least: settings[name], greatest: settings[name] };
      if (!before) return [];
      const range = { least: Math.min(before.least, now), greatest: Math.max(before.greatest, now) };
      return [[name, range] as const];
    });
    this.#changedWithin = Object.fromEntries(ranges);
  }

  get #nextEnd(): number {
    return Math.min(this.#windows.nextEnd, this.#sessions.nextEnd);
  }

  /** Closes what is due, windows first, as far as there is room. */
  #close(output: ClickOutput<Record>): void {
    const { closeTime } = this.#clock;
    this.#windows.close(closeTime, output);
    this.#sessions.close(closeTime, output);
  }

  #change(user: User): void {
    const { id, lastUrl, isChanged } = user;
    this.#changedBytes += lastUrl.length;
    if (isChanged) return;
    user.isChanged = true;
    this.#changed.push(user);
    this.#changedBytes += TOTAL_BYTES + 2 * id.length;
  }

  #pageOf(url: string): string {
    return this.#options.windows.pageKey === 'url' ? url : pageOfUrl(url);
  }

  #restoreTotal(topic: string, record: Record): void {
    const key = record.key();
    if (record.valueStart < 0) {
      const user = key && this.#users.find(key.toString('utf8'));
      if (user) this.#counter.forget(user);
      return;
    }
    const decoded = decodeRunningTotal(key, record.value(), (name) => record.header(name));
    const total = this.#readable(decoded, topic, record);
    this.#counter.restore(this.#users.admit(total.userId), total);
  }

  #restorePage(topic: string, record: Record): void {
    this.#windows.reach(record.offset + 1n);
    const key = record.key();
    // How far windows are closed is in the checkpoint, and tombstones are none of ours.
    if (isClosedUntilKey(key) || record.valueStart < 0) return;
    const result = this.#readable(decodePageClicks(key, record.value()), topic, record);
    this.#windows.restore(result, record.offset);
  }

  #restoreSession(topic: string, record: Record): void {
    this.#sessions.reach(record.offset + 1n);
    const key = record.key();
    if (record.valueStart < 0)
      this.#sessions.forget(this.#readable(decodeUserSessionKey(key), topic, record));
    else
      this.#sessions.restore(
        this.#readable(decodeUserSession(key, record.value()), topic, record),
        record.offset,
      );
  }

  #readable<T>(decoded: Decoded<T>, topic: string, record: Record): T {
    if (decoded.status === 'decoded') return decoded.value;
    throw new UnreadableResultError(
      `${topic} [${this.#options.partition}] holds no result at offset ${record.offset}: ${decoded.detail}`,
    );
  }

  #writeDeadLetter(
    record: Record,
    forwardedFrom: ForwardedFrom,
    { reason, detail }: Rejection,
    output: ClickOutput<Record>,
    lateness: Pick<DeadLetter, 'streamTimeMs' | 'missedWindows'> = {},
  ): void {
    const { partition, topics } = this.#options;
    const received =
      forwardedFrom !== undefined && forwardedFrom !== 'unknown'
        ? forwardedFrom
        : {
            topic: forwardedFrom === undefined ? topics.clicks : topics.repartition,
            partition,
            offset: record.offset,
            timestampMs: record.timestampMs,
            key: record.key(),
            headers: record.headers(),
          };
    const letter = encodeDeadLetter({ ...received, value: record.value(), reason, detail, ...lateness });
    output.write({ topic: topics.deadLetters, ...letter });
  }

  #publishTotal(user: User, output: ClickOutput<Record>): void {
    const { id: userId, clicks, lastClickAt, lastUrl } = user;
    const total = { userId, clicks, lastClickAt, lastUrl };
    const { key, value, headers } = encodeRunningTotal(total, this.#options.format);
    output.write({
      topic: this.#options.topics.totals,
      key: Buffer.from(key),
      value: Buffer.from(value),
      ...(headers && { headers }),
    });
  }

  #publishClosedUntil(write: (key: string, value: string) => bigint): void {
    const { closeTime, streamTime } = this.#clock;
    if (this.#clock.state === undefined || this.#windows.nextEnd <= closeTime) return;
    const closedUntil = this.#timeWindows.lastEnd(closeTime);
    const isIdle = this.#isIdle;
    if (this.#published?.closedUntil === closedUntil && this.#published.isIdle === isIdle) return;
    const { partition } = this.#options;
    const { key, value } = encodeClosedUntil({ partition, closedUntil, streamTime, idle: isIdle });
    this.#windows.reach(write(key, value) + 1n);
    this.#published = { closedUntil, isIdle };
  }
}

function inputOf(forwardedFrom: ForwardedFrom): InputName {
  return forwardedFrom === undefined ? 'input' : 'repartition';
}
