import { homePartition, type OutgoingRecord } from '@clickstream/kafka-client';
import { createTestAggregation, type AtEnd, type TestAggregation } from './test-aggregation.ts';

/** A minute on the clock: the start of a window. */
export const T = 1_700_000_040_000;
const MINUTE = 60_000;

/** A record as it is written by hand. */
export interface HandMade {
  readonly key: string | null;
  readonly value: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** All that a task has read and written. What is here may be changed before it is published. */
export interface Books {
  clicks: HandMade[];
  /** Clicks of partition 1 that its task has rejected as `future`. */
  rejectedByOrigin: HandMade[];
  /** Those behind them that it has forwarded and this one has read; their books are not in `checkpoint`. */
  forwarded: HandMade[];
  /** Whether the task of partition 1 had a checkpoint before it read anything. */
  hasOriginBegun: boolean;
  totals: HandMade[];
  pages: HandMade[];
  sessions: HandMade[];
  deadLetters: HandMade[];
  /** Where `--accept-loss` made a task go on: this one in its clicks and in those forwarded to it, or that of partition 1. */
  lossAccepted: { input?: number; forwards?: number; origin?: number };
  checkpoint: {
    books: Record<string, number>;
    sums: Record<string, number>;
    state: {
      books: Record<string, number>;
      clock: { streamTime: number; closeTime: number };
      isIdle: boolean;
      isClosing?: boolean;
      windows: { sizeMs: number; advanceMs: number; pageKey: 'path' | 'url' };
      settings: Record<string, number>;
      changedSettings: string[];
      changedWithin: Record<string, { readonly least: number; readonly greatest: number }>;
      duplicates: { ids: { forgottenEarly: number } };
    };
  };
}

/** The n-th user at home in partition 0. */
function userAtHome(n: number, partitions: number): string {
  const users = Array.from({ length: 100 }, (_, index) => `user-${index}`);
  const user = users.filter((userId) => homePartition(Buffer.from(userId), partitions) === 0)[n];
  if (user === undefined) throw new Error('no user is at home in partition 0');
  return user;
}

/** A result of a page in a window. */
export function pageResult(
  page: string,
  windowStart: number,
  [clicks, users]: readonly [clicks: number, users: number],
  final: boolean,
): HandMade {
  return {
    key: `${windowStart}/0/${page}`,
    value: {
      page,
      windowStart,
      windowEnd: windowStart + MINUTE,
      partition: 0,
      clicks,
      users,
      usersExact: true,
      final,
    },
  };
}

/** A session. */
export function session(
  userId: string,
  [start, end]: readonly [start: number, end: number],
  clicks: number,
  [entryUrl, exitUrl]: readonly [entryUrl: string, exitUrl: string],
  final: boolean,
): HandMade {
  const sessionId = `${userId}@${start}`;
  const bounce = clicks === 1;
  return {
    key: `${start}/${userId}`,
    value: { userId, sessionId, start, end, clicks, entryUrl, exitUrl, bounce, final },
  };
}

/**
 * A dead letter about a record.
 *
 * @param timestamp when that came; without it, when the one came that is there.
 */
export function deadLetter(
  reason: string,
  offset: number,
  streamTime?: number,
  {
    partition = 0,
    timestamp,
    missed,
  }: { readonly partition?: number; readonly timestamp?: number; readonly missed?: readonly number[] } = {},
): HandMade {
  return {
    key: null,
    value: null,
    headers: {
      'dead-letter-reason': reason,
      'dead-letter-partition': String(partition),
      'dead-letter-offset': String(offset),
      ...(timestamp !== undefined && { 'dead-letter-timestamp': String(timestamp) }),
      ...(streamTime !== undefined && { 'dead-letter-stream-time': String(streamTime) }),
      ...(missed && { 'dead-letter-windows': missed.join() }),
    },
  };
}

/** Says that a setting was others before, all of them known to be between two values. */
export function changeWithin(
  { checkpoint: { state } }: Books,
  name: string,
  [least, greatest]: readonly [least: number, greatest: number],
): void {
  state.changedSettings.push(name);
  state.changedWithin[name] = { least, greatest };
}

/** A click as JSON. */
export function click(eventId: string, userId: string, url: string, timestamp: number): HandMade {
  return { key: userId, value: { eventId, userId, url, timestamp } };
}

/**
 * What a task comes to that has counted these clicks of two users, with windows of a minute, a grace of 10 s and a
 * session gap of a minute; T is the start of a window.
 *
 * ```
 * offset  user  id  page   event time  stream time  becomes
 *      0  A     e1  /a     T +  1 s    T +  1 s
 *      1  A     e1  /a     T +  1 s    T +  1 s     a duplicate
 *      2  B     e2  /a?x   T +  2 s    T +  2 s
 *      3  A     e3  /b     T + 30 s    T + 30 s
 *      4  B     e4  /a     T + 75 s    T + 75 s     closes the window T and B's first session
 *      5  A     e5  /b     T + 10 s    T + 75 s     late, and in A's session, which is open
 *      6  B     e6  /c     T +  5 s    T + 75 s     late for its window and for a session
 *      7  A     e7  /a     T + 85 s    T + 85 s     in A's session, of which the gap is not over
 *      8                                            malformed
 *      9  A     e9  /a     in two hours             in the future
 * ```
 */
function booksOf(a: string, b: string): Books {
  return {
    clicks: [
      click('e1', a, '/a', T + 1_000),
      click('e1', a, '/a', T + 1_000),
      click('e2', b, '/a?x', T + 2_000),
      click('e3', a, '/b', T + 30_000),
      click('e4', b, '/a', T + 75_000),
      click('e5', a, '/b', T + 10_000),
      click('e6', b, '/c', T + 5_000),
      click('e7', a, '/a', T + 85_000),
      { key: a, value: 'no click' },
      click('e9', a, '/a', Date.now() + 120 * MINUTE),
    ],
    rejectedByOrigin: [],
    forwarded: [],
    hasOriginBegun: false,
    lossAccepted: {},
    totals: [
      { key: a, value: { userId: a, clicks: 4 } },
      { key: b, value: { userId: b, clicks: 3 } },
    ],
    pages: [
      pageResult('/a', T, [1, 1], false),
      pageResult('/a', T, [2, 2], true),
      pageResult('/b', T, [1, 1], true),
      {
        key: 'closedUntil/0',
        value: { partition: 0, closedUntil: T + MINUTE, streamTime: T + 75_000, idle: false },
      },
      pageResult('/a', T + MINUTE, [2, 2], false),
    ],
    sessions: [
      session(a, [T + 30_000, T + 30_000], 1, ['/b', '/b'], false),
      session(b, [T + 2_000, T + 2_000], 1, ['/a?x', '/a?x'], true),
      session(b, [T + 75_000, T + 75_000], 1, ['/a', '/a'], false),
      { key: `${T + 30_000}/${a}`, value: null },
      session(a, [T + 1_000, T + 85_000], 4, ['/a', '/a'], false),
    ],
    deadLetters: [
      deadLetter('late', 5, T + 75_000),
      deadLetter('late', 6, T + 75_000),
      deadLetter('session-late', 6, T + 75_000),
      deadLetter('malformed', 8),
      deadLetter('future', 9),
    ],
    checkpoint: {
      books: { read: 10, received: 0, counted: 7, duplicate: 1, rejected: 2, forwarded: 0 },
      sums: {
        clicks: 7,
        users: 2,
        openWindows: 1,
        openPages: 1,
        windowClicks: 2,
        openSessions: 2,
        sessionClicks: 5,
      },
      state: {
        books: { windowed: 5, late: 2, missed: 0, sessioned: 6, sessionLate: 1 },
        clock: { streamTime: T + 85_000, closeTime: T + 75_000 },
        isIdle: false,
        windows: { sizeMs: MINUTE, advanceMs: MINUTE, pageKey: 'path' },
        settings: {
          graceMs: 10_000,
          sessionGapMs: MINUTE,
          maxFutureMs: 60 * MINUTE,
          maxPages: 100,
          horizonMs: 60 * MINUTE,
        },
        changedSettings: [],
        changedWithin: {},
        duplicates: { ids: { forgottenEarly: 0 } },
      },
    },
  };
}

/** Where the record of a dead letter stands. */
function placeIn(headers: HandMade['headers']): string {
  return `${headers?.['dead-letter-partition']}/${headers?.['dead-letter-offset']}`;
}

/** An aggregation without aggregator: all that it would have written is written by hand, changed as the test likes. */
export async function createHandMadeAggregation(
  atEnd: AtEnd,
  change: (books: Books, users: { readonly a: string; readonly b: string }) => void = () => undefined,
): Promise<TestAggregation & { readonly a: string; readonly b: string }> {
  const aggregation = await createTestAggregation(atEnd);
  const { topics, partitions, reader, write } = aggregation;
  const [a, b] = [userAtHome(0, partitions), userAtHome(1, partitions)];
  const books = booksOf(a, b);
  change(books, { a, b });
  const recordsOf = (topic: string, records: readonly HandMade[], partition = 0) =>
    records.map(({ key, value, headers }): OutgoingRecord => ({
      topic,
      partition,
      key: key === null ? null : Buffer.from(key),
      value: value === null ? null : Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)),
      ...(topic === topics.deadLetters && {
        headers: {
          'dead-letter-timestamp': ingestTimes.get(placeIn(headers)) ?? '0',
          'dead-letter-topic': topics.clicks,
          ...headers,
        },
      }),
    }));
  const { clicks, rejectedByOrigin, forwarded, lossAccepted, checkpoint } = books;
  const clicksOfOrigin = [...rejectedByOrigin, ...forwarded];
  await write(...recordsOf(topics.clicks, clicks), ...recordsOf(topics.clicks, clicksOfOrigin, 1));
  // It is the broker that says when they came.
  const ingestTimes = new Map<string, string>();
  for (const [partition, records] of [clicks, clicksOfOrigin].entries())
    for await (const batch of reader.read({
      topic: topics.clicks,
      partition,
      from: 0n,
      to: BigInt(records.length),
    }))
      for (const record = batch.walk(); record.next();)
        ingestTimes.set(`${partition}/${record.offset}`, String(record.timestampMs));
  const written = {
    [topics.totals]: books.totals,
    [topics.pages]: books.pages,
    [topics.sessions]: books.sessions,
    [topics.deadLetters]: books.deadLetters,
  };
  for (const [topic, records] of Object.entries(written)) await write(...recordsOf(topic, records));
  const lettersOfOrigin = rejectedByOrigin.map((_, offset) =>
    deadLetter('future', offset, undefined, { partition: 1 }),
  );
  await write(...recordsOf(topics.deadLetters, lettersOfOrigin, 1));
  const offsetOf = (lossAcceptedAt: number | undefined) =>
    lossAcceptedAt === undefined ? {} : { lossAccepted: String(lossAcceptedAt) };
  const value = {
    ...checkpoint,
    version: 1,
    sequence: 1,
    partitions,
    input: { position: String(clicks.length), ...offsetOf(lossAccepted.input) },
    repartition: { position: String(forwarded.length), ...offsetOf(lossAccepted.forwards) },
    marks: forwarded.length > 0 ? { 1: String(clicksOfOrigin.length) } : {},
    receivedFrom: forwarded.length > 0 ? { 1: forwarded.length } : {},
    resultEnds: Object.fromEntries(
      Object.entries(written).map(([topic, records]) => [topic, String(records.length)]),
    ),
  };
  const none = (entries: Readonly<Record<string, number>>) =>
    Object.fromEntries(Object.keys(entries).map((name) => [name, 0]));
  const { state } = checkpoint;
  const beginningOfOrigin = {
    ...value,
    books: none(checkpoint.books),
    sums: none(checkpoint.sums),
    state: { ...state, books: none(state.books), clock: null, isClosing: false },
    input: { position: '0', ...offsetOf(lossAccepted.origin) },
    repartition: { position: '0' },
    marks: {},
    receivedFrom: {},
    resultEnds: Object.fromEntries(Object.keys(written).map((topic) => [topic, '0'])),
  };
  const ofOrigin = {
    ...beginningOfOrigin,
    sequence: 2,
    books: {
      ...none(checkpoint.books),
      read: clicksOfOrigin.length,
      rejected: rejectedByOrigin.length,
      forwarded: forwarded.length,
    },
    input: { position: String(clicksOfOrigin.length), ...offsetOf(lossAccepted.origin) },
    resultEnds: { ...beginningOfOrigin.resultEnds, [topics.deadLetters]: String(lettersOfOrigin.length) },
  };
  const checkpointsOfOrigin = [
    ...(books.hasOriginBegun ? [beginningOfOrigin] : []),
    ...(forwarded.length > 0 ? [ofOrigin] : []),
  ].map((checkpointOfOrigin) => ({ key: '1', value: checkpointOfOrigin }));
  await write(
    ...recordsOf(topics.checkpoints, [{ key: '0', value }]),
    ...recordsOf(topics.checkpoints, checkpointsOfOrigin, 1),
  );
  return { ...aggregation, a, b };
}
