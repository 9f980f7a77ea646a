import { encodeClickEvent, type ClickEvent } from '@clickstream/schema';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { recountSessions, recountWindows, type Recount } from './recount.ts';
import { TopologyDriver, type DriverOptions } from './topology-driver.ts';

const SHAPE = {
  sizeMs: 60,
  advanceMs: 20,
  graceMs: 50,
  sessionGapMs: 40,
  partitions: 1,
  emit: 'coalesced',
} as const;

/** Records that a transaction holds; only what closes is ever left to the next one. */
const maxRecords = fc.constantFrom(1, 3, Infinity);
const userIds = fc.constantFrom('a', 'b', 'c', '__proto__');
const urls = fc.constantFrom('/a', '/b', '/ü', '(other)');

interface Arrival {
  readonly event: ClickEvent;
  /** How much later than its event time it arrives. */
  readonly delayMs: number;
}

/** Clicks with their delays, all different in event id. */
function arrivals(maxDelayMs: number): fc.Arbitrary<Arrival[]> {
  return fc
    .array(
      fc.record({
        userId: userIds,
        url: urls,
        timestamp: fc.integer({ min: 0, max: 700 }),
        delayMs: fc.integer({ min: 0, max: maxDelayMs }),
      }),
      { minLength: 1, maxLength: 60 },
    )
    .map((list) =>
      list.map(({ delayMs, ...event }, index) => ({ event: { eventId: `e-${index}`, ...event }, delayMs })),
    );
}

/** In the order of arrival: no click comes more than its delay after a later one. */
function inOrder(list: readonly Arrival[]): ClickEvent[] {
  return list
    .toSorted((a, b) => a.event.timestamp + a.delayMs - (b.event.timestamp + b.delayMs))
    .map(({ event }) => event);
}

function read(driver: TopologyDriver, event: ClickEvent, timestampMs = 0): void {
  driver.read(0, { value: encodeClickEvent(event, 'json'), timestampMs });
}

/** Lets everything close. */
function finish(driver: TopologyDriver): void {
  // Where a transaction holds less than what closes, more idle time has to come than once.
  for (let hasClosed = true; hasClosed;) {
    hasClosed = driver.idle(0, 1e9);
    driver.commit();
    driver.drain(0);
  }
}

/** What the topic of page windows says in the end: the newest record of each key. */
function windowsOf(driver: TopologyDriver): Recount {
  return new Map(
    driver
      .pages(0)
      .map(({ windowStart, page, clicks, users, usersExact, final }) => [
        `${windowStart} ${page}`,
        `${clicks} clicks, ${users} users${usersExact ? '' : ' at least'}${final ? '' : ' so far'}`,
      ]),
  );
}

/** What the topic of sessions says in the end: the newest record of each key, tombstones gone. */
function sessionsOf(driver: TopologyDriver): Recount {
  const newest: Recount = new Map();
  for (const session of driver.sessions(0)) {
    if (typeof session === 'string') {
      newest.delete(session);
      continue;
    }
    const { start, userId, end, clicks, entryUrl, exitUrl, final } = session;
    newest.set(
      `${start}/${userId}`,
      `until ${end}, ${clicks} clicks, ${entryUrl} to ${exitUrl}${final ? '' : ' so far'}`,
    );
  }
  return newest;
}

function expectBalance(driver: TopologyDriver): void {
  const count = (verdict: string) => driver.verdicts.filter((each) => each === verdict).length;
  const { books } = driver.snapshot(0);
  expect(books.windowed + books.late).toBe(count('counted'));
  expect(books.sessioned + books.sessionLate).toBe(count('counted'));
  expect(driver.sums(0).clicks).toBe(count('counted'));
  const reasons = driver.deadLetters(0).map(({ reason }) => reason);
  const listed = (reason: string) => reasons.filter((each) => each === reason).length;
  expect(listed('late')).toBe(books.late);
  expect(listed('missed')).toBe(books.missed);
  expect(listed('session-late')).toBe(books.sessionLate);
  expect(reasons.length).toBe(books.late + books.missed + books.sessionLate + count('rejected'));
}

/** All keys have a final record and none after it. Returns how many there are. */
function expectFinalsLast(driver: TopologyDriver): number {
  const finals = new Set<string>();
  const pages = driver
    .pages()
    .map(({ windowStart, page, final }) => ({ key: `${windowStart} ${page}`, final }));
  const sessions = driver
    .sessions()
    .map((each) =>
      typeof each === 'string'
        ? { key: each, final: false }
        : { key: `${each.start}/${each.userId}`, final: each.final },
    );
  expect(pages.length).toBeGreaterThan(0);
  for (const { key, final } of [...pages, ...sessions]) {
    expect(finals, key).not.toContain(key);
    if (final) finals.add(key);
  }
  for (const [key, value] of [...windowsOf(driver), ...sessionsOf(driver)])
    expect(value, key).not.toMatch(/so far/);
  return finals.size;
}

describe('clicks in any order within the grace', () => {
  test.each([
    ['tumbling', { advanceMs: 60 }],
    ['hopping', { advanceMs: 20 }],
  ])('end in the same final windows and sessions (%s)', (_, shape) => {
    fc.assert(
      fc.property(
        arrivals(SHAPE.graceMs),
        fc.infiniteStream(fc.boolean()),
        maxRecords,
        (list, commits, most) => {
          const driver = new TopologyDriver({ ...SHAPE, ...shape, maxRecords: most });
          for (const event of inOrder(list)) {
            read(driver, event);
            if (commits.next().value) driver.commit();
          }
          finish(driver);
          expect(driver.deadLetters()).toEqual([]);
          const clicks = list.map(({ event }) => event);
          expect(windowsOf(driver)).toEqual(recountWindows(clicks, SHAPE.sizeMs, shape.advanceMs));
          expect(sessionsOf(driver)).toEqual(recountSessions(clicks, SHAPE.sessionGapMs));
          expect(driver.sums(0)).toMatchObject({ openWindows: 0, openPages: 0, windowClicks: 0 });
          expect(driver.sums(0)).toMatchObject({ openSessions: 0, sessionClicks: 0 });
          expectBalance(driver);
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe('clicks in any order whatever', () => {
  const orders = fc.tuple(arrivals(300), fc.infiniteStream(fc.boolean()), maxRecords);

  test('are each counted, and each listed once for what they came too late for', () => {
    fc.assert(
      fc.property(orders, ([list, idles, most]) => {
        const driver = new TopologyDriver({ ...SHAPE, maxRecords: most });
        for (const event of inOrder(list)) {
          read(driver, event);
          expectBalance(driver);
          if (idles.next().value) driver.idle(0, 30, 1e9);
        }
        finish(driver);
        expectBalance(driver);
        const lateFor = (reason: string) =>
          new Set(
            driver.deadLetters().flatMap((letter) => (letter.reason === reason ? [letter.offset] : [])),
          );
        const events = inOrder(list);
        const all = recountWindows(
          events.filter((_, index) => !lateFor('late').has(BigInt(index))),
          SHAPE.sizeMs,
          SHAPE.advanceMs,
        );
        // What is listed as missed is all that the final windows lack.
        const missing = driver.deadLetters().flatMap(({ missedWindows = [] }) => missedWindows).length;
        const clicksIn = (recount: Recount) =>
          [...recount.values()].reduce((sum, text) => sum + Number.parseInt(text, 10), 0);
        expect(clicksIn(windowsOf(driver)) + missing).toBe(clicksIn(all));
      }),
      { numRuns: 300 },
    );
  });

  test('never follow the final record of a window or session', () => {
    fc.assert(
      fc.property(orders, ([list, commits, most]) => {
        const driver = new TopologyDriver({ ...SHAPE, maxRecords: most });
        for (const event of inOrder(list)) {
          read(driver, event);
          if (commits.next().value) driver.commit();
        }
        finish(driver);
        expectFinalsLast(driver);
      }),
      { numRuns: 300 },
    );
  });
});

describe('a click within the grace', () => {
  test.each([
    [60, 60],
    [60, 20],
    [60, 1],
  ])('is in exactly size / advance windows (%d ms each %d ms)', (sizeMs, advanceMs) => {
    fc.assert(
      fc.property(fc.nat(1_000_000), fc.nat(SHAPE.graceMs), (timestamp, agoMs) => {
        const driver = new TopologyDriver({ ...SHAPE, sizeMs, advanceMs });
        read(driver, { eventId: '1', userId: 'a', url: '/other', timestamp: timestamp + agoMs });
        read(driver, { eventId: '2', userId: 'a', url: '/one', timestamp });
        driver.commit();
        const windows = driver.pages().filter(({ page }) => page === '/one');
        expect(windows).toHaveLength(sizeMs / advanceMs);
        for (const { windowStart, windowEnd } of windows) {
          expect(windowStart).toBeLessThanOrEqual(timestamp);
          expect(windowEnd).toBeGreaterThan(timestamp);
          expect(Math.abs(windowStart % advanceMs)).toBe(0);
        }
        expect(new Set(windows.map(({ windowStart }) => windowStart)).size).toBe(windows.length);
      }),
    );
  });
});

describe('a restart at any cut, and the rest of the log', () => {
  const IDS = 8;

  /** What may happen to a task. */
  const steps = fc.array(
    fc.oneof(
      {
        weight: 12,
        arbitrary: fc.record({
          kind: fc.constant('click' as const),
          userId: userIds,
          url: urls,
          timestamp: fc.integer({ min: 0, max: 700 }),
          // Few, so that many are duplicates; none is a sentence.
          eventId: fc.option(fc.nat(IDS - 1).map(String), { freq: 4 }),
          isForwarded: fc.boolean(),
          ingestLagMs: fc.integer({ min: 0, max: 40 }),
        }),
      },
      {
        weight: 2,
        arbitrary: fc.record({
          kind: fc.constant('idle' as const),
          idleMs: fc.integer({ min: 1, max: 300 }),
        }),
      },
      {
        weight: 2,
        arbitrary: fc.record({
          kind: fc.constant('caughtUp' as const),
          input: fc.constantFrom('input' as const, 'repartition' as const),
          isCaughtUp: fc.boolean(),
        }),
      },
      { weight: 1, arbitrary: fc.constant({ kind: 'garbage' as const }) },
    ),
    { minLength: 1, maxLength: 80, size: 'max' },
  );
  const options: fc.Arbitrary<DriverOptions> = fc.record({
    maxPages: fc.constantFrom(2, 1000),
    horizonMs: fc.constantFrom(64, 1_000),
    maxIds: fc.constantFrom(8, 1_000),
    maxFutureMs: fc.constantFrom(500, 1e9),
    maxRecords,
  });

  const cuttings = fc.infiniteStream(
    fc.constantFrom('no', 'no', 'commit', 'commit', 'restart', 'crash', 'compacted'),
  );

  test('are the uninterrupted run, outputs and memory included', () => {
    let restarts = 0;
    let restartsWhileClosing = 0;
    let duplicates = 0;
    fc.assert(
      fc.property(steps, options, cuttings, (list, given, cuts) => {
        const uninterrupted = new TopologyDriver({ ...SHAPE, ...given });
        const interrupted = new TopologyDriver({ ...SHAPE, ...given });
        let ingestTime = 1_000;
        for (const [index, step] of list.entries()) {
          const cut: unknown = cuts.next().value;
          ingestTime += 5;
          for (const driver of [uninterrupted, interrupted]) {
            if (step.kind === 'idle') {
              // Idle time that was not committed never happened, and that which has closed nothing yet is not kept:
              // a record ends it.
              driver.commit();
              driver.idle(0, step.idleMs, 1e9);
              driver.read(0, { value: 'x', timestampMs: ingestTime });
              driver.commit();
            } else if (step.kind === 'caughtUp') driver.caughtUp(0, step.input, step.isCaughtUp);
            else if (step.kind === 'garbage') driver.read(0, { value: 'x', timestampMs: ingestTime });
            else {
              const { userId, timestamp, eventId, isForwarded, ingestLagMs } = step;
              // What has the same id is the same click.
              const url = eventId === null ? step.url : urlOfId(eventId);
              const value =
                eventId === null
                  ? `User ${userId} clicked on ${url} at ${(timestamp / 1000).toFixed(3)}`
                  : encodeClickEvent({ eventId, userId, url, timestamp: Number(eventId) * 90 }, 'json');
              const origin = {
                topic: 'clicks',
                partition: 1,
                offset: BigInt(index),
                timestampMs: ingestTime - ingestLagMs,
              };
              if (isForwarded) driver.receive(0, { value }, origin);
              else driver.read(0, { value, timestampMs: ingestTime });
            }
            if (cut !== 'no' && cut !== 'crash') driver.commit();
          }
          if (cut === 'restart' || cut === 'compacted' || cut === 'crash') {
            restarts++;
            if (interrupted.isClosing(0)) restartsWhileClosing++;
            const before = interrupted.texts(0);
            interrupted.restart(0, { compacted: cut === 'compacted' });
            if (cut === 'crash') expect(interrupted.texts(0).sort()).toEqual(before.sort());
          }
          // Which of those that close is in which transaction makes no difference.
          for (const driver of [uninterrupted, interrupted]) {
            driver.drain(0);
            expectBalance(driver);
          }
          expect(interrupted.sums(0)).toEqual(uninterrupted.sums(0));
          // Of a click that came by both inputs, a rebuild takes the copy of the first, whichever was counted.
          const [one, other] = [interrupted, uninterrupted].map((driver) => ({
            ...driver.snapshot(0),
            windowsFrom: undefined,
          }));
          expect(one).toEqual(other);
          expect(interrupted.memory(0).rememberedIds).toBe(uninterrupted.memory(0).rememberedIds);
        }
        finish(interrupted);
        finish(uninterrupted);
        duplicates += uninterrupted.verdicts.filter((verdict) => verdict === 'duplicate').length;
        expect(interrupted.newestTotals()).toEqual(uninterrupted.newestTotals());
        expect(windowsOf(interrupted)).toEqual(windowsOf(uninterrupted));
        expect(interrupted.closedUntil(0).at(-1)).toEqual(uninterrupted.closedUntil(0).at(-1));
        expect(sessionsOf(interrupted)).toEqual(sessionsOf(uninterrupted));
        expect(interrupted.deadLetters()).toEqual(uninterrupted.deadLetters());
        // Asked for again, each id is remembered or forgotten alike.
        for (const userId of ['a', 'b', 'c', '__proto__'])
          for (let id = 0; id < IDS; id++) {
            const value = encodeClickEvent({ eventId: String(id), userId, url: '/', timestamp: 0 }, 'json');
            const verdict = uninterrupted.read(0, { value, timestampMs: ingestTime });
            expect(interrupted.read(0, { value, timestampMs: ingestTime })).toBe(verdict);
          }
      }),
      { numRuns: 100 },
    );
    expect(restarts).toBeGreaterThan(500);
    expect(restartsWhileClosing).toBeGreaterThan(20);
    expect(duplicates).toBeGreaterThan(200);
  });

  test('with other settings than before leaves final what is final, and each click accounted for', () => {
    let finals = 0;
    let late = 0;
    // Of few users at few times, so that many sessions would begin where one did before.
    const clicks = fc.array(
      fc.record({
        userId: fc.constantFrom('a', 'b'),
        timestamp: fc.nat(15).map((step) => step * 20),
      }),
      { minLength: 1, maxLength: 40, size: 'max' },
    );
    const settings = fc.infiniteStream(
      fc.record({
        sessionGapMs: fc.constantFrom(10, 40, 150),
        graceMs: fc.constantFrom(0, 50),
        maxRecords,
      }),
    );
    fc.assert(
      fc.property(clicks, cuttings, settings, (list, cuts, others) => {
        const driver = new TopologyDriver({ ...SHAPE, sessionGapMs: 10, graceMs: 0 });
        for (const [index, { userId, timestamp }] of list.entries()) {
          read(driver, { eventId: `e-${index}`, userId, url: '/', timestamp });
          const cut: unknown = cuts.next().value;
          if (cut !== 'no' && cut !== 'crash') driver.commit();
          if (cut === 'restart' || cut === 'compacted')
            driver.restart(0, { ...(others.next().value as DriverOptions), compacted: cut === 'compacted' });
          expectBalance(driver);
        }
        finish(driver);
        finals += expectFinalsLast(driver);
        late += driver.snapshot(0).books.sessionLate;
      }),
      { numRuns: 500 },
    );
    expect(finals).toBeGreaterThan(1_000);
    expect(late).toBeGreaterThan(100);
  });

  function urlOfId(eventId: string): string {
    return `/${Number(eventId) % 3}`;
  }
});
