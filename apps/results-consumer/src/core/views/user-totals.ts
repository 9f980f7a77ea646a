import { decodeRunningTotal } from '@clickstream/schema';
import { ActiveUsers } from './active-users.ts';
import { ByteSlots } from './byte-slots.ts';
import { ByteTable } from './byte-table.ts';
import { Column } from './column.ts';
import { readPlainTotal, type PlainTotal } from './read-plain-total.ts';
import { shownText, SHOWN_TEXT_LENGTH } from './shown-text.ts';
import { TopIds } from './top-ids.ts';
import type { ViewRecord } from './view-record.ts';

/** A user's running total as it is shown; `lastUrl` is cut to 256 characters. */
export interface UserTotal {
  readonly userId: string;
  readonly clicks: number;
  /** Event time, ms since the epoch. */
  readonly lastClickAt: number;
  readonly lastUrl: string;
}

/** The most users that can be asked for at once. */
export const TOP_USERS_MAX = 1_000;

const NOTHING = Buffer.alloc(0);

/**
 * The newest running total of every user, without an object for any of them. A user takes some 55 bytes, and the
 * bytes of the last url, rounded up to 16. The busiest are known at any time, by clicks and then by the bytes of the user id.
 */
export class UserTotals {
  readonly #users: ByteTable;
  #active = new ActiveUsers();
  readonly #top = new TopIds(
    TOP_USERS_MAX,
    (first, second) => this.#isBefore(first, second),
    () => this.#counted(),
  );
  /** By the number of the user; 0 clicks for one whose total was deleted. */
  readonly #clicks = new Column((length) => new Float64Array(length));
  readonly #lastClickAt = new Column((length) => new Float64Array(length));
  readonly #activeSecond = new Column((length) => new Int32Array(length));
  readonly #lastUrls = new ByteSlots();
  /** Filled anew for each record. */
  readonly #plain: PlainTotal = { clicks: 0, lastClickAt: 0, urlStart: 0, urlEnd: 0 };
  #userCount = 0;
  #clickCount = 0;

  /** @param seed whole number that nobody can guess. */
  constructor(seed: number) {
    this.#users = new ByteTable(seed);
  }

  get users(): number {
    return this.#userCount;
  }

  get clicks(): number {
    return this.#clickCount;
  }

  /** Users whose last click, by event time, is at most 5 minutes ago. */
  activeUsers(nowMs: number): number {
    if (this.#active.isAheadOf(nowMs)) this.#countActiveAnew(nowMs);
    return this.#active.count(nowMs);
  }

  /**
   * Takes over a record of the topic of the totals.
   *
   * @returns the event time of the user's last click if that is a later one than before, else undefined, or
   * `unreadable` for what is no running total.
   */
  apply(record: ViewRecord, nowMs: number): number | 'unreadable' | undefined {
    if (record.keyStart >= 0 && record.valueStart < 0) {
      this.#remove(record);
      return undefined;
    }
    const plain = this.#plain;
    if (readPlainTotal(record, plain)) {
      const { clicks, lastClickAt, urlStart, urlEnd } = plain;
      if (urlEnd - urlStart <= SHOWN_TEXT_LENGTH)
        return this.#put(record, clicks, lastClickAt, record.bytes, urlStart, urlEnd, nowMs);
      const url = shownBytes(record.bytes.toString('latin1', urlStart, urlEnd));
      return this.#put(record, clicks, lastClickAt, url, 0, url.length, nowMs);
    }
    const decoded = decodeRunningTotal(record.key(), record.value(), (name) => record.header(name));
    if (decoded.status === 'malformed') return 'unreadable';
    const { clicks, lastClickAt, lastUrl } = decoded.value;
    const url = shownBytes(lastUrl);
    return this.#put(record, clicks, lastClickAt, url, 0, url.length, nowMs);
  }

  get(userId: string): UserTotal | undefined {
    const key = Buffer.from(userId);
    const id = this.#users.find(key, 0, key.length);
    return id < 0 || this.#clicks.get(id) === 0 ? undefined : this.#total(id);
  }

  /** The busiest, most clicks first; at most {@link TOP_USERS_MAX}. */
  top(limit: number): UserTotal[] {
    return this.#top.ranked(limit).map((id) => this.#total(id));
  }

  /** The numbers of all users that have a total. */
  *#counted(): Generator<number, void> {
    for (let id = 0; id < this.#users.size; id += 1) if (this.#clicks.get(id) !== 0) yield id;
  }

  #total(id: number): UserTotal {
    return {
      userId: this.#users.text(id),
      clicks: this.#clicks.get(id),
      lastClickAt: this.#lastClickAt.get(id),
      lastUrl: this.#lastUrls.text(id),
    };
  }

  #isBefore(first: number, second: number): boolean {
    const difference = this.#clicks.get(first) - this.#clicks.get(second);
    return difference === 0 ? this.#users.compare(first, second) < 0 : difference > 0;
  }

  #put(
    { bytes, keyStart, keyEnd }: ViewRecord,
    clicks: number,
    lastClickAt: number,
    url: Buffer,
    urlStart: number,
    urlEnd: number,
    nowMs: number,
  ): number | undefined {
    const id = this.#users.add(bytes, keyStart, keyEnd);
    const clicksBefore = this.#clicks.get(id);
    if (clicksBefore === 0) this.#userCount += 1;
    this.#clickCount += clicks - clicksBefore;
    const lastClickBefore = clicksBefore === 0 ? -1 : this.#lastClickAt.get(id);
    this.#clicks.set(id, clicks);
    this.#lastClickAt.set(id, lastClickAt);
    this.#lastUrls.set(id, url, urlStart, urlEnd);
    if (this.#active.isAheadOf(nowMs)) this.#countActiveAnew(nowMs);
    else this.#activeSecond.set(id, this.#active.move(this.#activeSecond.get(id), lastClickAt, nowMs));
    if (clicks < clicksBefore) this.#top.lower(id);
    else this.#top.raise(id);
    return lastClickAt > lastClickBefore ? lastClickAt : undefined;
  }

  #remove({ bytes, keyStart, keyEnd }: ViewRecord): void {
    const id = this.#users.find(bytes, keyStart, keyEnd);
    const clicks = this.#clicks.get(id);
    if (id < 0 || clicks === 0) return;
    this.#userCount -= 1;
    this.#clickCount -= clicks;
    this.#clicks.set(id, 0);
    this.#lastUrls.set(id, NOTHING, 0, 0);
    this.#active.remove(this.#activeSecond.get(id));
    this.#activeSecond.set(id, 0);
    this.#top.lower(id);
  }

  #countActiveAnew(nowMs: number): void {
    this.#active = new ActiveUsers();
    for (let id = 0; id < this.#users.size; id += 1)
      this.#activeSecond.set(
        id,
        this.#clicks.get(id) === 0 ? 0 : this.#active.move(0, this.#lastClickAt.get(id), nowMs),
      );
  }
}

function shownBytes(text: string): Buffer {
  return Buffer.from(shownText(text));
}
