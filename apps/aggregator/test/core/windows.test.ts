import { encodeClickEvent } from '@clickstream/schema';
import { describe, expect, test } from 'vitest';
import { OtherWindowsError, UnreadableResultError } from '../../src/core/click-topology.ts';
import { TopologyDriver, type DriverOptions } from './topology-driver.ts';

const SECOND = 1_000;

let clicksMade = 0;

/** A driver of one partition whose clicks are told in seconds. */
class WindowsDriver extends TopologyDriver {
  constructor(options: DriverOptions = {}) {
    super({
      partitions: 1,
      emit: 'coalesced',
      sizeMs: 60 * SECOND,
      graceMs: 10 * SECOND,
      sessionGapMs: 1e9,
      ...options,
    });
  }

  click(seconds: number, userId = 'u', url = '/a'): string {
    const event = { eventId: `e-${clicksMade++}`, userId, url, timestamp: seconds * SECOND };
    return this.read(0, { value: encodeClickEvent(event, 'json') });
  }

  /** Results since the last time, as `start page: clicks/users`, with `!` if final. */
  results(): string[] {
    const from = this.#seen;
    const all = this.pages(0);
    this.#seen = all.length;
    return all
      .slice(from)
      .map(
        ({ windowStart, page, clicks, users, usersExact, final }) =>
          `${windowStart / SECOND} ${page}: ${clicks}/${users}${usersExact ? '' : '+'}${final ? '!' : ''}`,
      );
  }

  #seen = 0;

  /** What is listed as too late: reason, stream time, windows. */
  listed(): string[] {
    return this.deadLetters(0).map(({ reason, streamTimeMs = NaN, missedWindows }) =>
      [reason, streamTimeMs / SECOND, ...(missedWindows ?? []).map((start) => start / SECOND)].join(' '),
    );
  }
}

describe('a window', () => {
  test('is published when something in it changed, once per transaction, with clicks and distinct users', () => {
    const driver = new WindowsDriver();
    driver.click(1, 'u', '/a');
    driver.click(2, 'v', '/a');
    driver.click(3, 'u', '/a');
    driver.click(3, 'u', '/b?q=1');
    driver.commit();
    expect(driver.results()).toEqual(['0 /a: 3/2', '0 /b: 1/1']);
    driver.commit();
    expect(driver.results()).toEqual([]);
    driver.click(4, 'w', '/a');
    driver.commit();
    expect(driver.results()).toEqual(['0 /a: 4/3']);
    expect(driver.pages(0)[0]).toMatchObject({ windowStart: 0, windowEnd: 60_000, partition: 0 });
  });

  test('takes clicks until its grace is over, and is final then', () => {
    const driver = new WindowsDriver();
    //  0         60        70
    //  |----a----|---------|      [0,60) closes at 70
    //     1  3         2    4
    driver.click(20);
    driver.click(69.999);
    driver.click(50);
    driver.commit();
    expect(driver.results()).toEqual(['0 /a: 2/1', '60 /a: 1/1']);
    driver.click(70);
    driver.commit();
    expect(driver.results()).toEqual(['0 /a: 2/1!', '60 /a: 2/1']);
    expect(driver.deadLetters()).toEqual([]);
    expect(driver.sums(0)).toMatchObject({ openWindows: 1, openPages: 1, windowClicks: 2 });
  });

  test('that opens and closes within one transaction has one record, the final one', () => {
    const driver = new WindowsDriver();
    driver.click(20);
    driver.click(200);
    driver.commit();
    expect(driver.results()).toEqual(['0 /a: 1/1!', '180 /a: 1/1']);
  });

  test('that is closed takes nothing: the click is late, counted in the total and listed', () => {
    const driver = new WindowsDriver();
    driver.click(59);
    driver.click(70);
    expect(driver.click(59.999)).toBe('counted');
    driver.commit();
    expect(driver.results()).toEqual(['0 /a: 1/1!', '60 /a: 1/1']);
    expect(driver.listed()).toEqual(['late 70']);
    expect(driver.totals().map(({ clicks }) => clicks)).toEqual([3]);
    expect(driver.snapshot(0).books).toMatchObject({ windowed: 2, late: 1, missed: 0 });
  });

  test.each([
    [10, 'makes no punctual click of others late where that is at most the grace', []],
    [120, 'makes them late beyond that', ['late 160', 'late 179']],
  ])('with a clock %d s fast, which is allowed, %s', (fastS, _, late) => {
    const driver = new WindowsDriver({ maxFutureMs: fastS * SECOND });
    const clickAt = (second: number, aheadS: number) => {
      const event = {
        eventId: `e-${clicksMade++}`,
        userId: 'u',
        url: '/a',
        timestamp: (second + aheadS) * SECOND,
      };
      driver.read(0, { value: encodeClickEvent(event, 'json'), timestampMs: second * SECOND });
    };
    for (const second of [40, 59]) {
      clickAt(second, fastS);
      clickAt(second, 0);
    }
    driver.commit();
    expect(driver.listed()).toEqual(late);
    expect(driver.snapshot(0).books).toMatchObject({ windowed: 4 - late.length, late: late.length });
  });

  test('that hops counts a click in every window of it that is open, and lists those missed', () => {
    const driver = new WindowsDriver({ sizeMs: 60 * SECOND, advanceMs: 20 * SECOND });
    //  -40  -20   0    20   40   60   80   100
    //   |---------|----x----|                      the windows of x = 30: [-20,40) [0,60) [20,80)
    driver.click(30);
    driver.commit();
    expect(driver.results()).toEqual(['-20 /a: 1/1', '0 /a: 1/1', '20 /a: 1/1']);
    // Stream time 75: [-20,40) closed at 50 and [0,60) at 70; [20,80) is open until 90.
    driver.click(75);
    driver.click(31);
    driver.commit();
    expect(driver.results()).toEqual([
      '-20 /a: 1/1!',
      '0 /a: 1/1!',
      '20 /a: 3/1',
      '40 /a: 1/1',
      '60 /a: 1/1',
    ]);
    expect(driver.listed()).toEqual(['missed 75 -20 0']);
    expect(driver.snapshot(0).books).toMatchObject({ windowed: 3, late: 0, missed: 1 });
  });

  test('keeps so many pages apart and counts the rest together', () => {
    const driver = new WindowsDriver({ maxPages: 2 });
    for (const [url, userId] of [
      ['/a', 'u'],
      ['/b', 'u'],
      ['/c', 'u'],
      ['/d', 'v'],
      ['/a', 'v'],
    ] as const)
      driver.click(1, userId, url);
    driver.commit();
    expect(driver.results()).toEqual(['0 /a: 2/2', '0 /b: 1/1', '0 (other): 2/2']);
    driver.restart(0);
    driver.click(2, 'u', '/e');
    driver.click(2, 'w', '/b');
    driver.click(61, 'w', '/e');
    driver.commit();
    expect(driver.results()).toEqual(['0 (other): 3/2', '0 /b: 2/2', '60 /e: 1/1']);
  });

  test('keeps pages apart as long as their names are not too long together, the longest one at least', () => {
    const driver = new WindowsDriver({ maxPages: 4 });
    const longest = `/${'x'.repeat(8_191)}`;
    driver.click(1, 'u', longest);
    driver.click(1, 'u', `/${'y'.repeat(1_024)}`);
    driver.click(1, 'u', `/${'z'.repeat(1_016)}`);
    driver.click(1, 'u', '/a');
    driver.click(1, 'u', longest);
    driver.commit();
    expect(driver.results().map((result) => result.replace(/(.)\1+/, '$1…'))).toEqual([
      '0 /x…: 2/1',
      '0 (other): 2/1',
      '0 /z…: 1/1',
    ]);
    driver.restart(0);
    driver.click(1, 'v', '/a');
    driver.commit();
    expect(driver.results()).toEqual(['0 (other): 3/2']);
  });

  test('is of whole urls if told so', () => {
    const driver = new WindowsDriver({ pageKey: 'url' });
    driver.click(1, 'u', '/a?q=1');
    driver.click(1, 'u', '/a?q=2');
    driver.commit();
    expect(driver.results()).toEqual(['0 /a?q=1: 1/1', '0 /a?q=2: 1/1']);
  });
});

describe('idle time', () => {
  test('closes the last window after its grace, and not before', () => {
    const driver = new WindowsDriver();
    driver.click(55);
    // [0,60) closes at 70, 15 s after the last click.
    expect(driver.idle(0, 14_999)).toBe(false);
    expect(driver.idle(0, 1)).toBe(true);
    driver.commit();
    expect(driver.results()).toEqual(['0 /a: 1/1!']);
    expect(driver.closedUntil(0)).toEqual([
      { partition: 0, closedUntil: 60_000, streamTime: 70_000, idle: true },
    ]);
  });

  test('moves stream time by itself, never to the wall clock: a log of long ago is not late', () => {
    const driver = new WindowsDriver();
    driver.click(55);
    driver.idle(0, 30_000, Date.UTC(2026, 0, 1));
    driver.click(61);
    driver.click(70);
    driver.commit();
    expect(driver.results()).toEqual(['0 /a: 1/1!', '60 /a: 2/1']);
    expect(driver.snapshot(0).clock).toEqual({ streamTime: 70_000, closeTime: 60_000 });
    expect(driver.deadLetters()).toEqual([]);
  });

  test('is never taken beyond the wall clock', () => {
    const driver = new WindowsDriver();
    driver.click(55);
    expect(driver.idle(0, 60_000, 69_999)).toBe(false);
    expect(driver.idle(0, 1, 70_000)).toBe(true);
  });

  test('begins anew with each record, whatever becomes of it', () => {
    const driver = new WindowsDriver();
    driver.click(55);
    driver.idle(0, 14_000);
    driver.read(0, { value: 'no click' });
    expect(driver.idle(0, 14_000)).toBe(false);
    expect(driver.idle(0, 1_000)).toBe(true);
  });

  test('passes deadline by deadline, so that each window is closed by its own', () => {
    const driver = new WindowsDriver({ sizeMs: 60 * SECOND, advanceMs: 20 * SECOND });
    driver.click(30);
    // [-20,40) closes at 50, [0,60) at 70, [20,80) at 90.
    expect(driver.idle(0, 45_000)).toBe(true);
    expect(driver.snapshot(0).clock).toMatchObject({ streamTime: 70_000 });
    // 5 s are left of what was idle.
    expect(driver.idle(0, 14_999)).toBe(false);
    expect(driver.idle(0, 1)).toBe(true);
    expect(driver.sums(0)).toMatchObject({ openWindows: 0 });
  });

  test('means nothing before the first click', () => {
    const driver = new WindowsDriver();
    driver.read(0, { value: 'no click' });
    expect(driver.idle(0, 1e9)).toBe(false);
    driver.commit();
    expect(driver.closedUntil(0)).toEqual([]);
  });

  test('leaves a partition idle until its next click, and says so once', () => {
    const driver = new WindowsDriver();
    driver.click(55);
    driver.commit();
    driver.idle(0, 20_000);
    driver.commit();
    expect(driver.idle(0, 20_000)).toBe(false);
    driver.commit();
    driver.restart(0);
    driver.commit();
    driver.click(71);
    driver.commit();
    expect(driver.closedUntil(0).map(({ closedUntil, idle }) => [closedUntil / SECOND, idle])).toEqual([
      [0, false],
      [60, true],
      [60, false],
    ]);
  });

  test('leaves a partition idle too whose last click was late for its window', () => {
    const driver = new WindowsDriver();
    driver.click(55);
    driver.idle(0, 20_000);
    driver.click(50);
    driver.commit();
    expect(driver.closedUntil(0).at(-1)).toMatchObject({ idle: false });
    expect(driver.idle(0, 1)).toBe(true);
    driver.commit();
    expect(driver.closedUntil(0).at(-1)).toMatchObject({ idle: true });
  });
});

describe('how far windows are closed', () => {
  test('is published when it changed: the last window end at or before stream time less the grace', () => {
    const driver = new WindowsDriver();
    for (const seconds of [65, 69, 70, 129, 131]) {
      driver.click(seconds);
      driver.commit();
    }
    expect(driver.closedUntil(0)).toEqual([
      { partition: 0, closedUntil: 0, streamTime: 65_000, idle: false },
      { partition: 0, closedUntil: 60_000, streamTime: 70_000, idle: false },
      { partition: 0, closedUntil: 120_000, streamTime: 131_000, idle: false },
    ]);
  });
});

describe('a restart', () => {
  test('knows nothing of idle time that was not committed', () => {
    const driver = new WindowsDriver();
    driver.click(55);
    driver.commit();
    expect(driver.idle(0, 30_000)).toBe(true);
    driver.restart(0);
    driver.click(58);
    driver.commit();
    expect(driver.results()).toEqual(['0 /a: 1/1', '0 /a: 2/1']);
    expect(driver.listed()).toEqual([]);
  });

  test('reads no more than it needs: results from the oldest open one, inputs from the first click of an open window', () => {
    const driver = new WindowsDriver({ horizonMs: 1_000, sessionGapMs: 1_000, graceMs: 0 });
    const at = (seconds: number, ingestSeconds: number) => {
      const event = { eventId: `e-${clicksMade++}`, userId: 'u', url: '/a', timestamp: seconds * SECOND };
      driver.read(0, { value: encodeClickEvent(event, 'json'), timestampMs: ingestSeconds * SECOND });
    };
    driver.caughtUp(0, 'repartition', true);
    for (const seconds of [1, 2, 3, 61]) at(seconds, seconds);
    driver.commit();
    // Offset 3 is the first click of [60,120). The results: 0 closes [0,60), 1 opens [60,120), 2 is `closedUntil`.
    expect(driver.lastCommit(0).rebuildFrom).toEqual({ input: 3n, repartition: 0n });
    expect(driver.lastCommit(0).resultsFrom).toMatchObject({ pages: 1n });
    driver.idle(0, 100_000);
    driver.commit();
    // Nothing is open: what is left are the ids of the last second.
    expect(driver.lastCommit(0).resultsFrom).toEqual({ pages: 6n, sessions: 6n });
    at(130, 130);
    at(131, 140);
    driver.commit();
    expect(driver.lastCommit(0).rebuildFrom.input).toBe(4n);
    driver.restart(0);
    driver.commit();
    expect(driver.lastCommit(0).rebuildFrom.input).toBe(4n);
  });

  test('counts distinct users on exactly', () => {
    const driver = new WindowsDriver();
    for (const userId of ['u', 'v', 'u']) driver.click(1, userId);
    driver.commit();
    driver.restart(0, { compacted: true });
    driver.results();
    for (const userId of ['v', 'w']) driver.click(2, userId);
    driver.commit();
    expect(driver.results()).toEqual(['0 /a: 5/3']);
  });

  test('says of users that it can only tell at least how many when retention took clicks of an open window', () => {
    const driver = new WindowsDriver();
    for (const userId of ['u', 'v', 'w']) driver.click(1, userId);
    driver.commit();
    expect(driver.results()).toEqual(['0 /a: 3/3']);
    driver.restart(0, { lost: 2n });
    driver.commit();
    expect(driver.results()).toEqual(['0 /a: 3/3+']);
    driver.click(2, 'u');
    driver.click(3, 'x', '/new');
    driver.click(80, 'u');
    driver.commit();
    // The page that is new since then lacks nobody.
    expect(driver.results()).toEqual(['0 /a: 4/3+!', '0 /new: 1/1!', '60 /a: 1/1']);
  });

  test('leaves users exact when retention took only clicks of windows that are closed, which de-duplication looks back to', () => {
    const driver = new WindowsDriver();
    for (const userId of ['u', 'v']) driver.click(1, userId);
    for (const userId of ['u', 'v', 'w']) driver.click(80, userId);
    driver.commit();
    expect(driver.results()).toEqual(['0 /a: 2/2!', '60 /a: 3/3']);
    // Ids are remembered for longer than windows are open.
    expect(driver.lastCommit(0).rebuildFrom.input).toBe(0n);
    driver.restart(0, { lost: 2n });
    driver.click(81, 'x');
    driver.commit();
    expect(driver.results()).toEqual(['60 /a: 4/4']);
    driver.restart(0, { lost: 3n });
    driver.commit();
    expect(driver.results()).toEqual(['60 /a: 4/4+']);
  });

  test.each([
    ['a record', (driver: WindowsDriver) => driver.read(0, { value: 'no click' })],
    ['idle time', (driver: WindowsDriver) => driver.idle(0, 1)],
  ])(
    'that does not come to as many users as before says that they are a lower bound, with the next of %s',
    (_, happen) => {
      const driver = new WindowsDriver({ maxPages: 1 });
      driver.click(1, 'u', '/a');
      driver.click(1, 'u', '/b');
      driver.commit();
      driver.restart(0, { maxPages: 3 });
      driver.click(2, 'v', '/b');
      driver.commit();
      expect(driver.results()).toEqual(['0 /a: 1/1', '0 (other): 1/1', '0 /b: 1/1']);
      // Rebuilt, u is on /b and not among the others.
      driver.restart(0);
      expect(happen(driver)).toBeTruthy();
      driver.commit();
      expect(driver.results()).toEqual(['0 (other): 1/1+', '0 /b: 1/1+']);
      driver.click(3, 'v', '/b');
      driver.click(3, 'v', '/a');
      driver.commit();
      expect(driver.results()).toEqual(['0 /b: 2/1+', '0 /a: 2/2']);
    },
  );

  test('with a greater grace opens nothing again that is final', () => {
    const driver = new WindowsDriver({ graceMs: 10 * SECOND });
    driver.click(1);
    driver.click(70);
    driver.commit();
    driver.restart(0, { graceMs: 100 * SECOND });
    driver.click(2);
    driver.commit();
    expect(driver.results().filter((result) => result.startsWith('0 '))).toEqual(['0 /a: 1/1!']);
    expect(driver.listed()).toEqual(['late 70']);
  });

  test('with a smaller grace closes at once what is overdue', () => {
    const driver = new WindowsDriver({ graceMs: 100 * SECOND });
    driver.click(1);
    driver.click(70);
    driver.commit();
    driver.restart(0, { graceMs: 0 });
    driver.results();
    driver.click(2);
    driver.commit();
    expect(driver.results()).toEqual(['0 /a: 1/1!']);
    expect(driver.listed()).toEqual(['late 70']);
  });

  test('keeps the least and the greatest value of each setting that was changed, and which were', () => {
    const driver = new WindowsDriver({ graceMs: 10 * SECOND });
    const settings = () => {
      const { changedSettings, changedWithin } = driver.snapshot(0);
      return { changedSettings, changedWithin };
    };
    driver.click(1);
    driver.commit();
    expect(settings()).toEqual({ changedSettings: [], changedWithin: {} });
    for (const graceMs of [11 * SECOND, 12 * SECOND, 10 * SECOND]) {
      driver.restart(0, { graceMs });
      driver.commit();
    }
    driver.restart(0, { graceMs: 10 * SECOND, maxFutureMs: 5 });
    const changedWithin = {
      graceMs: { least: 10 * SECOND, greatest: 12 * SECOND },
      maxFutureMs: { least: 5, greatest: 1e15 },
    };
    expect(settings()).toEqual({ changedSettings: ['graceMs', 'maxFutureMs'], changedWithin });
  });

  test('does not say what a setting was that an older version changed', () => {
    const driver = new WindowsDriver({ graceMs: 10 * SECOND });
    driver.click(1);
    driver.commit();
    driver.amend(0, { changedSettings: ['graceMs'], changedWithin: undefined });
    driver.restart(0, { graceMs: 11 * SECOND, maxPages: 1 });
    driver.commit();
    const { changedSettings, changedWithin } = driver.snapshot(0);
    expect(changedSettings).toEqual(['graceMs', 'maxPages']);
    expect(changedWithin).toEqual({ maxPages: { least: 1, greatest: 1_000 } });
  });

  test.each([
    ['sizeMs', { sizeMs: 120 * SECOND, advanceMs: 60 * SECOND }],
    ['advanceMs', { advanceMs: 30 * SECOND }],
    ['pageKey', { pageKey: 'url' }],
  ] as const)('refuses windows of another shape (%s)', (name, options) => {
    const driver = new WindowsDriver();
    driver.click(1);
    driver.commit();
    expect(() => {
      driver.restart(0, options);
    }).toThrow(OtherWindowsError);
    expect(() => {
      driver.restart(0, options);
    }).toThrow(new RegExp(`windows were counted with ${name} .* and now it is `));
  });

  test.each(['pages', 'sessions'] as const)('throws on a result in %s that does not decode', (topic) => {
    const driver = new WindowsDriver();
    driver.click(1);
    driver.commit();
    driver.corrupt(0, '0/0//a', topic);
    expect(() => {
      driver.restart(0);
    }).toThrow(UnreadableResultError);
  });
});
