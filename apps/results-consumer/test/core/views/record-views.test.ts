import {
  encodeDeadLetter,
  encodeUserSession,
  userSessionKey,
  type DeadLetterReason,
} from '@clickstream/schema';
import { describe, expect, test } from 'vitest';
import { Books } from '../../../src/core/views/books.ts';
import { ClickLag } from '../../../src/core/views/click-lag.ts';
import { DeadLetters } from '../../../src/core/views/dead-letters.ts';
import { Sessions } from '../../../src/core/views/sessions.ts';
import { recordOf } from './record-of.ts';

describe('sessions', () => {
  const session = (userId: string, start: number, changes: { final?: boolean; clicks?: number } = {}) => {
    const { key, value } = encodeUserSession({
      userId,
      start,
      end: start + 1,
      clicks: 2,
      entryUrl: '/in',
      exitUrl: '/out',
      final: false,
      ...changes,
    });
    return recordOf(key, value);
  };

  test('are those that were written last under each key, newest first', () => {
    const sessions = new Sessions();
    sessions.apply(session('a', 10));
    sessions.apply(session('a', 20));
    sessions.apply(session('b', 10, { clicks: 1, final: true }));
    sessions.apply(session('a', 10, { clicks: 5, final: true }));
    expect(sessions.ofUser('a')).toMatchObject([
      { sessionId: 'a@20', clicks: 2, final: false, bounce: false, entryUrl: '/in', exitUrl: '/out' },
      { sessionId: 'a@10', clicks: 5, final: true },
    ]);
    expect(sessions.ofUser('b')).toMatchObject([{ bounce: true }]);
    expect(sessions.ofUser('c')).toEqual([]);
    expect(sessions.open).toBe(1);
    expect(sessions.isComplete).toBe(true);
  });

  test('are gone with their tombstone', () => {
    const sessions = new Sessions();
    sessions.apply(session('a/b', 10));
    expect(sessions.apply(recordOf(userSessionKey({ userId: 'a/b', start: 10 }), null))).toBe(true);
    expect(sessions.ofUser('a/b')).toEqual([]);
    expect(sessions.open).toBe(0);
    expect(sessions.apply(recordOf('nonsense', null))).toBe(false);
    expect(sessions.apply(recordOf('10/a', '{}'))).toBe(false);
  });

  test('are at most 55,000 in all and 100 of a user, those that changed last', () => {
    const sessions = new Sessions();
    for (let start = 0; start < 55_099; start += 1)
      sessions.apply(session(start < 5_200 ? 'early' : 'late', start));
    expect(sessions.open).toBe(50_099);
    expect(sessions.isComplete).toBe(false);
    expect(sessions.ofUser('early')).toHaveLength(100);
    expect(sessions.ofUser('early').at(-1)).toMatchObject({ start: 5_100 });
  });
});

describe('dead letters', () => {
  const letter = (reason: DeadLetterReason, offset: bigint, value: Buffer | null, partition = 1) => {
    const encoded = encodeDeadLetter({
      reason,
      detail: 'why',
      topic: 'clicks',
      partition,
      offset,
      timestampMs: Number(offset),
      key: null,
      value,
      headers: [],
    });
    const headers = Object.fromEntries(
      Object.entries(encoded.headers).map(([name, given]) => [name, Buffer.isBuffer(given) ? given : '']),
    );
    return recordOf(encoded.key, encoded.value, headers);
  };

  test('are counted by reason, with the newest of each', () => {
    const letters = new DeadLetters();
    for (let offset = 0n; offset < 300n; offset += 1n)
      expect(
        letters.apply(letter(offset % 3n === 0n ? 'late' : 'malformed', offset, Buffer.from([0xff]))),
      ).toBe(true);
    const counts = { total: 300, byReason: { late: 100, malformed: 200 } };
    expect(letters.counts()).toEqual({ ...counts, complete: false });
    letters.setComplete();
    expect(letters.counts()).toEqual({ ...counts, complete: true });
    expect(letters.examples()).toMatchObject([
      { reason: 'late', offset: '297', timestamp: 297, partition: 1, key: null, value: '\ufffd' },
      { reason: 'malformed', offset: '299' },
    ]);
    expect(letters.newest(2).map(({ offset }) => offset)).toEqual(['299', '298']);
    expect(letters.newest(2, 'late').map(({ offset }) => offset)).toEqual(['297', '294']);
    expect(letters.newest(1_000)).toHaveLength(200);
    expect(letters.newest(5, 'future')).toEqual([]);
  });

  test('are the newest by their time, whichever partition is read first', () => {
    const letters = new DeadLetters();
    for (let offset = 1_000n; offset < 1_050n; offset += 1n) letters.apply(letter('late', offset, null, 1));
    for (let offset = 0n; offset < 500n; offset += 1n) letters.apply(letter('late', offset, null, 2));
    expect(letters.counts().total).toBe(550);
    expect(letters.examples()).toMatchObject([{ partition: 1, offset: '1049' }]);
    const newest = letters.newest(100);
    expect(newest.slice(49, 51)).toMatchObject([
      { partition: 1, offset: '1000' },
      { partition: 2, offset: '499' },
    ]);
    expect(newest.at(-1)).toMatchObject({ partition: 2, offset: '450' });
  });

  test('show the beginning of what may be long', () => {
    const letters = new DeadLetters();
    letters.apply(letter('malformed', 1n, Buffer.from('😀'.repeat(5_000))));
    const value = letters.examples()[0]?.value;
    expect(value).toHaveLength(512);
    expect(value?.endsWith('…') && value.isWellFormed()).toBe(true);
    expect(letters.apply(recordOf(null, 'x'))).toBe(false);
  });
});

describe('books', () => {
  const checkpoint = (
    books: Record<string, number>,
    { position = '0', state }: { position?: string; state?: unknown } = {},
  ) =>
    Buffer.from(
      JSON.stringify({ version: 1, sequence: 3, input: { position }, books, state, somethingNew: true }),
    );
  const balanced = { read: 5, received: 1, counted: 3, duplicate: 1, rejected: 1, forwarded: 1 };

  test('say how many sessions are open, if the checkpoints do', () => {
    const books = new Books();
    const checkpoint = { sequence: 1, input: { position: '0' }, books: { read: 0, counted: 0, rejected: 0 } };
    const apply = (partition: number, fields: object) => {
      books.apply(partition, Buffer.from(JSON.stringify({ ...checkpoint, ...fields })));
    };
    expect(books.openSessions).toBeUndefined();
    apply(0, {});
    expect(books.openSessions).toBeUndefined();
    apply(0, { sums: { openSessions: 70_000 } });
    apply(1, { sums: { openSessions: 5 } });
    apply(2, { sums: { openSessions: 'many' } });
    expect(books.openSessions).toBe(70_005);
    expect(books.sessionGapMs).toBeUndefined();
    apply(0, { state: { settings: { sessionGapMs: 1_800_000 } } });
    apply(1, { state: { settings: { sessionGapMs: 'long' } } });
    expect(books.sessionGapMs).toBe(1_800_000);
  });

  test('are unknown without a checkpoint', () => {
    expect(new Books().view(0)).toMatchObject({ partitions: 0, balances: null, problems: [] });
  });

  test('add up over partitions and balance when each does', () => {
    const books = new Books();
    books.apply(0, checkpoint(balanced));
    books.apply(1, checkpoint({ read: 2, counted: 1, rejected: 0, forwarded: 1, received: 0 }));
    expect(books.view(0)).toEqual({
      partitions: 2,
      read: 7,
      received: 1,
      counted: 4,
      duplicate: 1,
      rejected: 1,
      forwarded: 2,
      inFlight: 1,
      balances: true,
      problems: [],
    });
  });

  test('do not balance when more arrived than was sent, but for partitions read one after the other', () => {
    const books = new Books();
    books.apply(0, checkpoint({ read: 5, received: 3, counted: 8, duplicate: 0, rejected: 0, forwarded: 0 }));
    books.apply(1, checkpoint({ read: 5, received: 0, counted: 3, duplicate: 0, rejected: 0, forwarded: 2 }));
    expect(books.view(1_000)).toMatchObject({ balances: true, inFlight: 0 });
    expect(books.view(10_999).balances).toBe(true);
    expect(books.view(11_000)).toMatchObject({
      balances: false,
      problems: ['received 3 is more than forwarded 2'],
    });
    books.apply(1, checkpoint({ read: 6, received: 0, counted: 3, duplicate: 0, rejected: 0, forwarded: 3 }));
    expect(books.view(12_000).balances).toBe(true);
  });

  test('say which partition does not balance', () => {
    const books = new Books();
    books.apply(0, checkpoint(balanced));
    books.apply(2, checkpoint({ ...balanced, counted: 2 }));
    expect(books.view(0)).toMatchObject({
      balances: false,
      problems: [
        'partition 2: read 5 + received 1 is not counted 2 + duplicate 1 + rejected 1 + forwarded 1',
      ],
    });
  });

  test('balance the windows and sessions where there are any', () => {
    const books = new Books();
    const state = { books: { windowed: 2, late: 1, missed: 4, sessioned: 3, sessionLate: 0 } };
    books.apply(0, checkpoint(balanced, { state }));
    expect(books.view(0)).toMatchObject({ balances: true, windowed: 2, late: 1, missed: 4, sessioned: 3 });
    books.apply(0, checkpoint(balanced, { state: { books: { ...state.books, late: 0, sessioned: 2 } } }));
    expect(books.view(0).problems).toEqual([
      'partition 0: windowed 2 + late 0 is not counted 3',
      'partition 0: sessioned 2 + session-late 0 is not counted 3',
    ]);
  });

  test('keep the checkpoint before one that cannot be read and say so, and forget a deleted one', () => {
    const books = new Books();
    books.apply(0, checkpoint(balanced, { position: '12' }));
    expect(books.position(0)).toBe(12);
    books.apply(0, Buffer.from('{'));
    expect(books.position(0)).toBe(12);
    expect(books.unreadable).toBe(1);
    expect(books.view(0)).toMatchObject({
      counted: 3,
      balances: false,
      problems: ['partition 0: its newest checkpoint cannot be read; what is shown is from before'],
    });
    books.apply(0, checkpoint(balanced, { position: '13' }));
    expect(books.view(0).balances).toBe(true);
    books.apply(0, null);
    expect(books.position(0)).toBeUndefined();
  });

  test('tell how far the counting is behind, and how old the oldest click is', () => {
    const books = new Books();
    const lag = new ClickLag(books);
    lag.setBounds(0, 0, 20);
    lag.setBounds(1, 5, 8);
    expect(lag.records()).toBe(23);
    expect(lag.waiting()).toEqual([
      { partition: 0, from: 0, to: 20 },
      { partition: 1, from: 5, to: 8 },
    ]);
    books.apply(0, checkpoint(balanced, { position: '15' }));
    expect(lag.records()).toBe(8);
    expect(lag.seconds(11_240)).toBeNull();
    lag.noteOldest({ partition: 0, from: 15, to: 20 }, 10_000);
    expect(lag.seconds(11_240)).toBeNull();
    lag.noteOldest({ partition: 1, from: 5, to: 8 }, 11_000);
    expect(lag.seconds(11_240)).toBe(1.2);
    expect(lag.seconds(9_000)).toBe(0);
    // Nothing but a transaction's marker was there.
    lag.noteOldest({ partition: 1, from: 5, to: 8 }, undefined);
    expect(lag.records()).toBe(5);
    books.apply(0, checkpoint(balanced, { position: '20' }));
    expect(lag.waiting()).toEqual([]);
    expect(lag.seconds(11_240)).toBe(0);
  });

  test('tell what came since nothing but a marker was found, however long the position stays', () => {
    const books = new Books();
    const lag = new ClickLag(books);
    books.apply(0, checkpoint(balanced, { position: '15' }));
    lag.setBounds(0, 0, 16);
    const [marker] = lag.waiting();
    if (marker) lag.noteOldest(marker, undefined);
    expect(lag.records()).toBe(0);
    lag.setBounds(0, 0, 17);
    expect(lag.waiting()).toEqual([{ partition: 0, from: 16, to: 17 }]);
    lag.noteOldest({ partition: 0, from: 16, to: 17 }, undefined);
    expect(lag.records()).toBe(0);
    lag.setBounds(0, 0, 1_000_017);
    expect(lag.waiting()).toEqual([{ partition: 0, from: 17, to: 1_000_017 }]);
    expect(lag.records()).toBe(1_000_000);
    lag.noteOldest({ partition: 0, from: 17, to: 1_000_017 }, 1_000);
    expect(lag.seconds(61_000)).toBe(60);
    books.apply(0, checkpoint(balanced, { position: '12' }));
    expect(lag.waiting()).toEqual([{ partition: 0, from: 12, to: 1_000_017 }]);
  });

  test('forget the age of what waited once it is counted', () => {
    const books = new Books();
    const lag = new ClickLag(books);
    books.apply(0, checkpoint(balanced, { position: '10' }));
    lag.setBounds(0, 0, 100);
    lag.noteOldest({ partition: 0, from: 10, to: 100 }, 1_000);
    books.apply(0, checkpoint(balanced, { position: '60' }));
    expect(lag.seconds(31_000)).toBe(30);
    books.apply(0, checkpoint(balanced, { position: '100' }));
    expect(lag.seconds(31_000)).toBe(0);
    // Came by itself, and was not looked at.
    lag.setBounds(0, 0, 101);
    expect(lag.seconds(31_000)).toBeNull();
    lag.noteOldest({ partition: 0, from: 100, to: 101 }, 30_900);
    expect(lag.seconds(31_000)).toBe(0.1);
  });

  test('know how old clicks are that they saw come, to a tenth of a second', () => {
    const books = new Books();
    const lag = new ClickLag(books);
    lag.noteOldest({ partition: 0, from: 0, to: 1 }, 1_000);
    books.apply(0, checkpoint(balanced, { position: '100' }));
    for (let click = 0; click < 1_000; click += 1) lag.noteClick(0, 100 + click, 10_000 + click);
    lag.noteClick(0, 2_000, 70_000);
    lag.setBounds(0, 0, 2_001);
    for (const [position, seconds] of [
      [100, 61],
      [199, 61],
      [200, 60.9],
      [1_099, 60.1],
      // A marker stands between.
      [1_100, 1],
      [2_000, 1],
      [2_001, 0],
      // From before.
      [99, null],
    ] as const) {
      books.apply(0, checkpoint(balanced, { position: String(position) }));
      expect(lag.seconds(71_000), String(position)).toBe(seconds);
    }
  });

  test('know how old clicks are that came after one from the future', () => {
    const books = new Books();
    const lag = new ClickLag(books);
    books.apply(0, checkpoint(balanced, { position: '101' }));
    lag.noteClick(0, 100, 900_000);
    lag.noteClick(0, 101, 10_000);
    lag.noteClick(0, 102, 20_000);
    lag.setBounds(0, 0, 103);
    expect(lag.seconds(30_000)).toBe(20);
  });
});
