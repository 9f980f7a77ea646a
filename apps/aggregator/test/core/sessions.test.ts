import { encodeClickEvent } from '@clickstream/schema';
import { describe, expect, test, vi } from 'vitest';
import { DeadlineHeap } from '../../src/core/deadline-heap.ts';
import { TopologyDriver, type DriverOptions } from './topology-driver.ts';

const SECOND = 1_000;

let clicksMade = 0;

/** A driver of one partition with a gap of 30 s and a grace of 10 s, whose clicks are told in seconds. */
class SessionsDriver extends TopologyDriver {
  #seen = 0;

  constructor(options: DriverOptions = {}) {
    super({
      partitions: 1,
      emit: 'coalesced',
      sizeMs: 3_600 * SECOND,
      graceMs: 10 * SECOND,
      sessionGapMs: 30 * SECOND,
      ...options,
    });
  }

  click(seconds: number, userId = 'u', url = `/${seconds}`): string {
    const event = { eventId: `e-${clicksMade++}`, userId, url, timestamp: seconds * SECOND };
    return this.read(0, { value: encodeClickEvent(event, 'json') });
  }

  /** Commits; what that wrote, as `user start-end: clicks entry exit`, with `!` if final, and tombstones as `-start/user`. */
  written(): string[] {
    this.commit();
    const all = this.sessions(0);
    const from = this.#seen;
    this.#seen = all.length;
    return all.slice(from).map((session) => {
      if (typeof session === 'string') return `-${session}`;
      const { userId, start, end, clicks, entryUrl, exitUrl, final } = session;
      return `${userId} ${start / SECOND}-${end / SECOND}: ${clicks} ${entryUrl} ${exitUrl}${final ? '!' : ''}`;
    });
  }

  /** What is listed as too late for a session: reason and stream time. */
  listed(): string[] {
    return this.deadLetters(0).map(({ reason, streamTimeMs = NaN }) => `${reason} ${streamTimeMs / SECOND}`);
  }
}

describe('a session', () => {
  test('is the clicks of a user less than the gap apart', () => {
    const driver = new SessionsDriver();
    //  0        10                 39.999   70
    //  x---------x--------------------x      x       30 s after the last click a new one begins
    for (const seconds of [0, 10, 39.999]) driver.click(seconds);
    expect(driver.written()).toEqual(['u 0-39.999: 3 /0 /39.999']);
    driver.click(69.999);
    expect(driver.written()).toEqual(['u 69.999-69.999: 1 /69.999 /69.999']);
    expect(driver.sums(0)).toMatchObject({ openSessions: 2, sessionClicks: 4 });
  });

  test('is of one user', () => {
    const driver = new SessionsDriver();
    driver.click(0, 'u');
    driver.click(1, 'v');
    driver.click(2, 'u');
    expect(driver.written()).toEqual(['u 0-2: 2 /0 /2', 'v 1-1: 1 /1 /1']);
  });

  test('with a single click is a bounce, with its id made of user and start', () => {
    const driver = new SessionsDriver();
    driver.click(1.5, 'u');
    driver.commit();
    driver.click(2, 'u');
    driver.commit();
    expect(driver.sessions(0)).toMatchObject([
      { sessionId: 'u@1500', bounce: true, clicks: 1 },
      { sessionId: 'u@1500', bounce: false, clicks: 2 },
    ]);
  });

  test('closes when its gap and the grace are over, and is final then', () => {
    const driver = new SessionsDriver();
    //  0        30        40
    //  x---gap---|--grace--|
    driver.click(0, 'u');
    driver.click(39.999, 'clock');
    expect(driver.written()).toEqual(['u 0-0: 1 /0 /0', 'clock 39.999-39.999: 1 /39.999 /39.999']);
    driver.click(40, 'clock');
    expect(driver.written()).toEqual(['u 0-0: 1 /0 /0!', 'clock 39.999-40: 2 /39.999 /40']);
    driver.idle(0, 40_000);
    expect(driver.written()).toEqual(['clock 39.999-40: 2 /39.999 /40!']);
    expect(driver.sums(0)).toMatchObject({ openSessions: 0, sessionClicks: 0 });
  });

  test('that opens and closes within one transaction has one record', () => {
    const driver = new SessionsDriver();
    driver.click(0);
    driver.click(100);
    expect(driver.written()).toEqual(['u 0-0: 1 /0 /0!', 'u 100-100: 1 /100 /100']);
  });

  test('knows entry and exit by event time, whatever the order of arrival', () => {
    const driver = new SessionsDriver();
    for (const seconds of [20, 15, 25, 12]) driver.click(seconds);
    expect(driver.written()).toEqual(['u 12-25: 4 /12 /25']);
  });

  test.each([[['/b', '/a', '/c']], [['/c', '/b', '/a']], [['/a', '/c', '/b']]])(
    'of clicks at the same time has the least url as entry and the greatest as exit: %j',
    (urls) => {
      const driver = new SessionsDriver();
      for (const url of urls) driver.click(5, 'u', url);
      expect(driver.written()).toEqual(['u 5-5: 3 /a /c']);
    },
  );
});

describe('a click out of order', () => {
  test('moves the start of a session: its old key gets a tombstone in the same transaction', () => {
    const driver = new SessionsDriver();
    driver.click(20);
    expect(driver.written()).toEqual(['u 20-20: 1 /20 /20']);
    driver.click(12);
    expect(driver.written()).toEqual(['-20000/u', 'u 12-20: 2 /12 /20']);
  });

  test('brings two sessions together: the later one gets a tombstone', () => {
    const driver = new SessionsDriver({ graceMs: 60 * SECOND });
    //  0                25               50
    //  A                                 B           A and B are 50 s apart
    //  A----------------x----------------B           x is 25 s from each
    driver.click(0);
    driver.click(50);
    expect(driver.written()).toEqual(['u 0-0: 1 /0 /0', 'u 50-50: 1 /50 /50']);
    driver.click(25);
    expect(driver.written()).toEqual(['-50000/u', 'u 0-50: 3 /0 /50']);
    expect(driver.sums(0)).toMatchObject({ openSessions: 1, sessionClicks: 3 });
  });

  test('leaves no trace of a session that never was published', () => {
    const driver = new SessionsDriver({ graceMs: 60 * SECOND });
    for (const seconds of [0, 50, 25]) driver.click(seconds);
    expect(driver.written()).toEqual(['u 0-50: 3 /0 /50']);
  });

  test('brings a session that moved in the same transaction together with the one before', () => {
    const driver = new SessionsDriver({ graceMs: 100 * SECOND });
    driver.click(0);
    driver.click(80);
    driver.commit();
    driver.written();
    // 80 becomes 55-80, then 27 joins it to 0.
    driver.click(55);
    driver.click(27);
    expect(driver.written()).toEqual(['-80000/u', 'u 0-80: 4 /0 /80']);
  });

  test('a whole gap from both neighbours begins a session of its own between them', () => {
    const driver = new SessionsDriver({ graceMs: 100 * SECOND });
    for (const seconds of [0, 60, 30]) driver.click(seconds);
    expect(driver.written()).toEqual(['u 0-0: 1 /0 /0', 'u 60-60: 1 /60 /60', 'u 30-30: 1 /30 /30']);
  });

  test('finds its session among several, after a restart too', () => {
    const driver = new SessionsDriver({ graceMs: 1_000 * SECOND });
    for (const seconds of [0, 100, 200, 300]) driver.click(seconds);
    driver.commit();
    driver.restart(0, { compacted: true });
    driver.written();
    driver.click(110);
    driver.click(190);
    expect(driver.written()).toEqual(['u 100-110: 2 /100 /110', '-200000/u', 'u 190-200: 2 /190 /200']);
  });
});

describe('a click older than the grace', () => {
  test('still belongs to an open session that it touches', () => {
    const driver = new SessionsDriver();
    driver.click(25);
    driver.click(50);
    // 35 s old.
    driver.click(15);
    expect(driver.written()).toEqual(['u 15-50: 3 /15 /50']);
    expect(driver.listed()).toEqual([]);
  });

  test('begins no open session anew where one may be final', () => {
    const driver = new SessionsDriver();
    driver.click(25);
    driver.click(50);
    driver.click(5);
    expect(driver.written()).toEqual(['u 25-50: 2 /25 /50']);
    expect(driver.listed()).toEqual(['session-late 50']);
  });

  test('that touches none is listed, counted, and begins no session', () => {
    const driver = new SessionsDriver();
    driver.click(50, 'clock');
    expect(driver.click(39.999, 'u')).toBe('counted');
    expect(driver.click(40, 'v')).toBe('counted');
    expect(driver.written()).toEqual(['clock 50-50: 1 /50 /50', 'v 40-40: 1 /40 /40']);
    expect(driver.listed()).toEqual(['session-late 50']);
    expect(driver.snapshot(0).books).toMatchObject({ windowed: 3, sessioned: 2, sessionLate: 1 });
    expect(driver.totals(0)).toHaveLength(3);
  });

  test('never reaches a session that is final', () => {
    const driver = new SessionsDriver();
    driver.click(0, 'u');
    driver.click(40, 'clock');
    driver.click(1, 'u');
    expect(driver.written()).toEqual(['u 0-0: 1 /0 /0!', 'clock 40-40: 1 /40 /40']);
    expect(driver.listed()).toEqual(['session-late 40']);
  });

  test.each([
    ['greater', 60],
    ['smaller, and then a greater', 5],
  ])('never reaches a session that is final with a %s gap after a restart', (_, between) => {
    const driver = new SessionsDriver({ graceMs: 0, sessionGapMs: 15 * SECOND });
    driver.click(0);
    driver.click(20);
    expect(driver.written()).toEqual(['u 0-0: 1 /0 /0!', 'u 20-20: 1 /20 /20']);
    for (const seconds of [between, 60]) {
      driver.restart(0, { sessionGapMs: seconds * SECOND });
      driver.commit();
    }
    driver.click(0);
    driver.click(5);
    // Older than the grace too, but by less than the least of the gaps.
    driver.click(16);
    expect(driver.written()).toEqual(['-20000/u', 'u 16-20: 2 /16 /20']);
    expect(driver.listed()).toEqual(['session-late 20', 'session-late 20']);
  });

  test('may be late for its window and in time for its session', () => {
    const driver = new SessionsDriver({ sizeMs: 10 * SECOND, graceMs: 5 * SECOND });
    driver.click(8);
    driver.click(30);
    driver.click(9);
    expect(driver.listed()).toEqual(['late 30']);
    expect(driver.snapshot(0).books).toMatchObject({ windowed: 2, late: 1, sessioned: 3, sessionLate: 0 });
  });
});

test('clicks of one user hold back one session, however many they are', () => {
  const driver = new SessionsDriver();
  for (let seconds = 0; seconds < 2_000; seconds++) driver.click(seconds, 'u', '/a');
  expect(driver.sums(0)).toMatchObject({ openSessions: 1, sessionClicks: 2_000 });
  // A total, a page and a session.
  expect(driver.heldBack(0)).toBe(3);
});

test('clicks of sessions that go on cost no look at the order of their ends, although after each it is asked whether one is over', () => {
  const postpone = vi.spyOn(DeadlineHeap.prototype, 'postpone');
  const driver = new SessionsDriver();
  // Of 100 users in turn: with each click another session has the least end.
  for (let n = 0; n < 10_000; n++) {
    driver.click(Math.floor(n / 100), `u${n % 100}`, '/a');
    expect(driver.isClosing(0)).toBe(false);
  }
  expect(driver.sums(0)).toMatchObject({ openSessions: 100, sessionClicks: 10_000 });
  // Each once per gap and grace.
  expect(postpone.mock.calls.length).toBeLessThanOrEqual(100 * 4);
  postpone.mockRestore();
});
