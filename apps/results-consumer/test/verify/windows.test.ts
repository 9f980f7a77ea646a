import type { PartitionReader } from '@clickstream/kafka-client';
import { describe, expect, test } from 'vitest';
import { ReadProgress } from '../../src/verify/read-progress.ts';
import type { Report } from '../../src/verify/report.ts';
import { verify } from '../../src/verify/verify.ts';
import { runInProcess } from '../run-in-process.ts';
import {
  changeWithin,
  click,
  createHandMadeAggregation,
  deadLetter,
  pageResult,
  session,
  T,
  type Books,
  type HandMade,
} from './hand-made-aggregation.ts';
import type { TestAggregation } from './test-aggregation.ts';

const TEST_LIMIT_MS = 240_000;
const MINUTE = 60_000;

type Users = Readonly<Record<'a' | 'b', string>>;

/** Changes the value of the last record of a key. */
function amend(records: HandMade[], key: string, changes: object): void {
  const at = records.findLastIndex((record) => record.key === key);
  const record = records[at];
  if (!record) throw new Error(`no record of ${key}`);
  records[at] = { ...record, value: { ...(record.value as object), ...changes } };
}

/** The reader, which tells other offsets. */
function telling(
  reader: PartitionReader,
  told: Partial<Pick<PartitionReader, 'startOffsets' | 'endOffsets'>>,
): PartitionReader {
  return {
    ...reader,
    partitionCount: (topic) => reader.partitionCount(topic),
    startOffsets: (topic) => reader.startOffsets(topic),
    endOffsets: (topic) => reader.endOffsets(topic),
    logBounds: (topic, partition) => reader.logBounds(topic, partition),
    read: (range, signal) => reader.read(range, signal),
    ...told,
  };
}

/** The reader, which finds partition 1 as it was before the last commit of its task, and its dead letters so once. */
function beforeItsLastCommit(
  reader: PartitionReader,
  { checkpoints, deadLetters }: TestAggregation['topics'],
): PartitionReader {
  const notYet = new Set([checkpoints, deadLetters]);
  return telling(reader, {
    endOffsets: async (topic) => {
      const ends = await reader.endOffsets(topic);
      if (!notYet.has(topic)) return ends;
      if (topic === deadLetters) notYet.delete(topic);
      return ends.map((end, partition) => (partition === 1 ? end - 1n : end));
    },
  });
}

/** The reader, which finds that retention has removed all dead letters. */
function withoutLetters(
  reader: PartitionReader,
  { deadLetters }: TestAggregation['topics'],
): PartitionReader {
  return telling(reader, {
    startOffsets: (topic) => (topic === deadLetters ? reader.endOffsets(topic) : reader.startOffsets(topic)),
  });
}

/** Verifies what that reader finds. */
function verifyBy(reader: PartitionReader, topics: TestAggregation['topics']): Promise<Report> {
  return verify({ reader, topics, progress: new ReadProgress(), signal: new AbortController().signal });
}

/** Lets partition 1 reject a click of the future and forward the one behind it, by one of several limits. */
function rejectBeforeForward(hand: Books, { a }: Users): void {
  hand.rejectedByOrigin.push(click('f1', a, '/a', Date.now() + 120 * MINUTE));
  hand.forwarded.push(click('e1', a, '/a', T + 1_000));
  Object.assign(hand.checkpoint.books, { received: 1, duplicate: 2 });
  changeWithin(hand, 'maxFutureMs', [60 * MINUTE, 180 * MINUTE]);
}

function textsOf({ problems, gaps }: Report): string {
  return [...problems, ...gaps].map(({ check, text }) => `${check}: ${text}`).join('\n');
}

describe.concurrent('verify, of windows and sessions', () => {
  test(
    'passes where all of them are what the clicks say',
    async ({ onTestFinished }) => {
      const { verify, environment } = await createHandMadeAggregation(onTestFinished);
      const { exitCode, report } = await verify();
      expect(textsOf(report)).toBe('');
      expect(exitCode).toBe(0);
      expect(report).toMatchObject({
        users: 2,
        windows: { results: 3, differing: 0 },
        sessions: { sessions: 3, differing: 0 },
        clicks: { read: 10, counted: 7, duplicate: 1, rejected: 2, late: 2, missed: 0, sessionLate: 1 },
      });
      const { stdout } = await runInProcess(['verify'], environment);
      expect(stdout).toMatch(/^PASS: every total, window and session is exact \(7 clicks of 2 users/);
    },
    TEST_LIMIT_MS,
  );

  test(
    'passes where the rest of what is closed is left to the next transactions, and not where a checkpoint says that nothing is',
    async ({ onTestFinished }) => {
      const change =
        (isClosing: boolean) =>
        ({ pages, sessions, checkpoint: { state, sums } }: Books, { b }: Users) => {
          amend(pages, `${T}/0//b`, { final: false });
          amend(pages, 'closedUntil/0', { closedUntil: T });
          amend(sessions, `${T + 2_000}/${b}`, { final: false });
          Object.assign(sums, { openWindows: 2, openPages: 2, windowClicks: 3 });
          Object.assign(sums, { openSessions: 3, sessionClicks: 6 });
          if (isClosing) state.isClosing = true;
        };
      const closing = await createHandMadeAggregation(onTestFinished, change(true));
      expect(textsOf((await closing.verify()).report)).toBe('');
      const done = await createHandMadeAggregation(onTestFinished, change(false));
      const { exitCode, report } = await done.verify();
      expect(exitCode).toBe(1);
      expect(textsOf(report)).toMatch(/windows: .*the window is closed.*\n[^]*sessions: .*it is closed/);
    },
    TEST_LIMIT_MS,
  );

  test(
    'fails where all windows are closed, sessions alone are left, and nothing says how far windows are closed',
    async ({ onTestFinished }) => {
      const { verify } = await createHandMadeAggregation(
        onTestFinished,
        ({ pages, sessions, checkpoint: { state, sums } }, { b }) => {
          pages.splice(3, 1);
          amend(sessions, `${T + 2_000}/${b}`, { final: false });
          Object.assign(sums, { openSessions: 3, sessionClicks: 6 });
          state.isClosing = true;
        },
      );
      const { exitCode, report } = await verify();
      expect(textsOf(report)).toMatch(
        /^windows: pages-\S+ "closedUntil\/0": expected 1700000100000, found nothing$/,
      );
      expect(exitCode).toBe(1);
    },
    TEST_LIMIT_MS,
  );

  test(
    'passes where a click was forwarded by one limit of the future and rejected at home by another',
    async ({ onTestFinished }) => {
      const { verify } = await createHandMadeAggregation(onTestFinished, (hand, { a }) => {
        // At the offset of a click of home that was counted.
        hand.forwarded.push(click('f1', a, '/a', Date.now() + 30 * MINUTE));
        hand.deadLetters.push(deadLetter('future', 0, undefined, { partition: 1 }));
        Object.assign(hand.checkpoint.books, { received: 1, rejected: 3 });
        changeWithin(hand, 'maxFutureMs', [10 * MINUTE, 60 * MINUTE]);
      });
      const { exitCode, report } = await verify();
      expect(textsOf(report)).toBe('');
      expect(exitCode).toBe(0);
      expect(report.clicks).toMatchObject({ counted: 7, rejected: 3, forwarded: 1, received: 1 });
    },
    TEST_LIMIT_MS,
  );

  test.for([
    { origin: 'had no checkpoint', hasOriginBegun: false },
    { origin: 'had changed its limit of the future', hasOriginBegun: true },
  ])(
    'passes where an origin $origin at the cut, and rejected a click since that stands before one that was received',
    { timeout: TEST_LIMIT_MS },
    async ({ hasOriginBegun }, { onTestFinished }) => {
      const { reader, topics } = await createHandMadeAggregation(onTestFinished, (hand, users) => {
        hand.hasOriginBegun = hasOriginBegun;
        rejectBeforeForward(hand, users);
      });
      const report = await verifyBy(beforeItsLastCommit(reader, topics), topics);
      expect(textsOf(report)).toBe('');
      expect(report.cut[1]).toMatchObject({ position: 0 });
      expect(report.clicks).toMatchObject({ counted: 7, duplicate: 2, forwarded: 0, received: 1 });
    },
  );

  describe('where a setting was changed', () => {
    type Change = (hand: Books, users: Users) => void;

    test.for<[what: string, change: Change]>([
      [
        'the grace, and changed back',
        (hand) => {
          changeWithin(hand, 'graceMs', [10_000, 11_000]);
        },
      ],
      [
        'the grace from a smaller one, by which more is closed than by the present one',
        (hand) => {
          changeWithin(hand, 'graceMs', [10_000, 20_000]);
          hand.checkpoint.state.settings['graceMs'] = 20_000;
        },
      ],
      [
        'the limit of the future, which was smaller when a click was rejected',
        (hand) => {
          changeWithin(hand, 'maxFutureMs', [60 * MINUTE, 180 * MINUTE]);
          hand.checkpoint.state.settings['maxFutureMs'] = 180 * MINUTE;
        },
      ],
    ])('passes what any value of it allows: %s', async ([, change], { onTestFinished }) => {
      const { verify } = await createHandMadeAggregation(onTestFinished, change);
      const { exitCode, report } = await verify();
      expect(textsOf(report)).toBe('');
      expect(exitCode).toBe(0);
    });

    test.for<[what: string, change: Change, text: RegExp]>([
      [
        'a click listed as late that had an open window by the least grace',
        (hand) => {
          changeWithin(hand, 'graceMs', [10_000, 11_000]);
          hand.deadLetters[0] = deadLetter('late', 3, T + 69_999);
        },
        /^late: dead-letters-\S+ \[0\] @ 0 lists a click as late that had an open window at event time 1700000070000 and stream time 1700000109999$/m,
      ],
      [
        'a click listed as late for a window that ended after all that is closed',
        (hand) => {
          changeWithin(hand, 'graceMs', [0, 10_000]);
          hand.checkpoint.state.clock = { streamTime: T + 125_000, closeTime: T + 119_999 };
          hand.deadLetters.push(deadLetter('late', 7, T + 125_000));
        },
        /^late: dead-letters-\S+ \[0\] @ 5 lists a click as late that had an open window at event time 1700000125000 and stream time 1700000165000$/m,
      ],
      [
        'a click listed as late for sessions that was within the least grace',
        (hand) => {
          changeWithin(hand, 'graceMs', [10_000, 11_000]);
          hand.deadLetters.push(deadLetter('session-late', 4, T + 85_000));
        },
        /^late: dead-letters-\S+ \[0\] @ 5 lists a click as late for sessions that was within the grace at event time 1700000115000 and stream time 1700000125000$/m,
      ],
      [
        'more closed than by the least grace',
        (hand) => {
          changeWithin(hand, 'graceMs', [10_000, 11_000]);
          hand.checkpoint.state.clock.closeTime = T + 75_001;
        },
        /^late: checkpoint 1 of partition 0: at stream time 1700000125000 windows are closed that end until 1700000115001$/m,
      ],
      [
        'less closed than by the present grace',
        (hand) => {
          changeWithin(hand, 'graceMs', [10_000, 11_000]);
          hand.checkpoint.state.clock.closeTime = T + 74_999;
        },
        /^late: checkpoint 1 of partition 0: at stream time 1700000125000 windows are closed that end until 1700000114999$/m,
      ],
      [
        'a stream time beyond all that was open by the greatest grace and the greatest gap',
        (hand) => {
          changeWithin(hand, 'graceMs', [10_000, 11_000]);
          changeWithin(hand, 'sessionGapMs', [MINUTE, MINUTE + 1_000]);
          hand.checkpoint.state.clock = { streamTime: T + 157_001, closeTime: T + 147_001 };
        },
        /^late: checkpoint 1 of partition 0: stream time 1700000197001 is after the last click, at 1700000125000, and all that was open$/m,
      ],
      [
        'a click listed as of the future that was within the least limit',
        (hand, { a }) => {
          changeWithin(hand, 'maxFutureMs', [60 * MINUTE, 180 * MINUTE]);
          hand.clicks[9] = click('e9', a, '/a', Date.now() + 59 * MINUTE);
        },
        /^books: dead letters with reason future in partition 0: expected 0, found 1 \(checkpoint 1\)$/m,
      ],
      [
        'a click beyond the greatest limit that was not rejected',
        (hand) => {
          changeWithin(hand, 'maxFutureMs', [60 * MINUTE, 90 * MINUTE]);
          hand.deadLetters.pop();
          Object.assign(hand.checkpoint.books, { counted: 8, rejected: 1 });
        },
        /^books: records rejected in partition 0: expected 2, found 1 \(checkpoint 1\)\nbooks: dead letters with reason future in partition 0: expected 1, found 0 \(checkpoint 1\)$/m,
      ],
    ])('fails what no value of it allows: %s', async ([, change, text], { onTestFinished }) => {
      const { verify } = await createHandMadeAggregation(onTestFinished, change);
      const { exitCode, report } = await verify();
      expect(textsOf(report)).toMatch(text);
      expect(exitCode).toBe(1);
    });

    test.for<[missed: number[], text: RegExp | '']>([
      [[T - 30_000], ''],
      [[T], /^late: .* says that a click missed the windows 1700000040000, and closed were 1700000010000,/],
      [[T - 30_000, T], /^late: .* missed the windows 1700000010000, 1700000040000, and closed were/],
      [[T - 60_000], /^late: .* missed the windows 1699999980000, and closed were 1700000010000,/],
    ])(
      'of the windows of a click it may have missed those that some grace had closed, in their order: %s',
      async ([missed, text], { onTestFinished }) => {
        const { verify } = await createHandMadeAggregation(onTestFinished, (hand) => {
          const { state } = hand.checkpoint;
          state.windows.advanceMs = 30_000;
          state.settings['graceMs'] = 20_000;
          changeWithin(hand, 'graceMs', [10_000, 20_000]);
          hand.deadLetters[0] = deadLetter('missed', 5, T + 75_000, { missed });
        });
        const { report } = await verify();
        const late = report.problems.filter(({ check }) => check === 'late').map(({ text: line }) => line);
        if (text === '') expect(late).toEqual([]);
        else expect(`late: ${late.join()}`).toMatch(text);
      },
    );

    test.for<[name: string, text: RegExp]>([
      [
        'graceMs',
        /^late: partition 0 was counted with another grace before, of which a version did not keep what it was: clicks that are listed as too late can only be checked to be older than stream time$/,
      ],
      [
        'maxFutureMs',
        /^books: partition 0 was counted with another limit of the future before, of which a version did not keep what it was: which clicks ahead of their ingest time were rejected is taken from their dead letters$/,
      ],
    ])(
      'cannot check everything if an older version did not keep what %s was',
      async ([name, text], { onTestFinished }) => {
        const { verify } = await createHandMadeAggregation(onTestFinished, ({ checkpoint: { state } }) => {
          state.changedSettings.push(name);
        });
        const { exitCode, report } = await verify();
        expect(textsOf(report)).toMatch(text);
        expect(exitCode).toBe(2);
      },
    );

    test('checks by stream time what is listed as late if an older version did not keep the grace', async ({
      onTestFinished,
    }) => {
      const { verify } = await createHandMadeAggregation(onTestFinished, ({ deadLetters, checkpoint }) => {
        checkpoint.state.changedSettings.push('graceMs');
        deadLetters[0] = deadLetter('late', 5, T + 59_999);
      });
      const { exitCode, report } = await verify();
      expect(textsOf(report)).toMatch(/ @ 0 lists a click as late that had an open window at event time/);
      expect(exitCode).toBe(1);
    });
  });

  test('cannot tell of a click within one limit of the future and beyond another once its letter is gone', async ({
    onTestFinished,
  }) => {
    const { reader, topics } = await createHandMadeAggregation(onTestFinished, rejectBeforeForward);
    const report = await verifyBy(withoutLetters(reader, topics), topics);
    // One that is at home, and one that is not and has another below the mark behind it.
    expect(report.problems).toEqual([]);
    const open = (partition: number) =>
      expect.stringMatching(
        `^whether partition ${partition} rejected 1 clicks as being of the future is not known`,
      ) as string;
    expect(report.gaps.map(({ text }) => text)).toEqual(expect.arrayContaining([open(0), open(1)]));
  });

  describe('where a page was folded into (other) until there was room for it', () => {
    /** B's first click, and A's first two, are on /b: B's was counted while there was room for /a alone. */
    const folded =
      (change: (pages: HandMade[]) => void = () => undefined) =>
      ({ clicks, pages, sessions, checkpoint: { state } }: Books, { b }: Users) => {
        clicks[2] = click('e2', b, '/b', T + 2_000);
        amend(pages, `${T}/0//a`, { clicks: 1, users: 1 });
        pages.splice(2, 0, pageResult('(other)', T, [1, 1], true));
        amend(sessions, `${T + 2_000}/${b}`, { entryUrl: '/b', exitUrl: '/b' });
        state.changedSettings.push('maxPages');
        change(pages);
      };

    test('cannot check each if all pages of the window together are what the clicks say', async ({
      onTestFinished,
    }) => {
      const { verify } = await createHandMadeAggregation(onTestFinished, folded());
      const { exitCode, report } = await verify();
      expect(textsOf(report)).toMatch(
        /^windows: pages-\S+ "1700000040000\/0\/…": a page was folded into \(other\) until there was room for it, so that pages were compared together$/,
      );
      expect(exitCode).toBe(2);
    });

    test('checks all else as exactly as before', async ({ onTestFinished }) => {
      const { verify } = await createHandMadeAggregation(
        onTestFinished,
        ({ pages, checkpoint: { state } }) => {
          amend(pages, `${T}/0//a`, { users: 1 });
          state.changedSettings.push('maxPages');
        },
      );
      const { exitCode, report } = await verify();
      expect(textsOf(report)).toMatch(/expected 2 distinct users, found 1$/m);
      expect(exitCode).toBe(1);
    });

    test.for<[what: string, change: (pages: HandMade[]) => void, text: RegExp]>([
      [
        'more',
        (pages) => {
          amend(pages, `${T}/0/(other)`, { clicks: 2 });
        },
        /^windows: pages-\S+ "1700000040000\/0\/…": expected 3 clicks on all pages together, found 4$/m,
      ],
      [
        'as many, and one of them has more than its own',
        (pages) => {
          amend(pages, `${T}/0//a`, { clicks: 2 });
          pages.splice(
            pages.findIndex(({ key }) => key === `${T}/0//b`),
            1,
          );
        },
        /^windows: pages-\S+ "1700000040000\/0\/\/a": expected 1 clicks, found 2$/m,
      ],
    ])('fails if they are %s', async ([, change, text], { onTestFinished }) => {
      const { verify } = await createHandMadeAggregation(onTestFinished, folded(change));
      const { exitCode, report } = await verify();
      expect(textsOf(report)).toMatch(text);
      expect(exitCode).toBe(1);
    });
  });

  test.for<[what: string, change: (books: Books, users: Users) => void, text: RegExp]>([
    [
      'the clicks of a window',
      ({ pages }) => {
        amend(pages, `${T}/0//a`, { clicks: 3 });
      },
      /^windows: pages-\S+ "1700000040000\/0\/\/a": expected 2 clicks, found 3$/m,
    ],
    [
      'the users of a window',
      ({ pages }) => {
        amend(pages, `${T}/0//a`, { users: 1 });
      },
      /^windows: pages-\S+ "1700000040000\/0\/\/a": expected 2 distinct users, found 1$/m,
    ],
    [
      'a window that is not there',
      ({ pages }) => {
        pages.splice(2, 1);
      },
      /^windows: pages-\S+ "1700000040000\/0\/\/b": expected 1 clicks, and there is no result$/m,
    ],
    [
      'a second final result',
      ({ pages }) => {
        pages.push(pageResult('/a', T, [2, 2], true));
      },
      /^windows: pages-\S+ \[0\] @ 5 is a second final result of "1700000040000\/0\/\/a" after the final one$/m,
    ],
    [
      'an update after the final result',
      ({ pages }) => {
        pages.push(pageResult('/b', T, [2, 2], false));
      },
      /^windows: pages-\S+ \[0\] @ 5 is a result of "1700000040000\/0\/\/b" after the final one$/m,
    ],
    [
      'a final result of a window that is open',
      ({ pages }) => {
        amend(pages, `${T + 60_000}/0//a`, { final: true });
      },
      /^windows: pages-\S+ "1700000100000\/0\/\/a": its result is final, and the window is open$/m,
    ],
    [
      'a window that is closed without a final result',
      ({ pages }) => {
        amend(pages, `${T}/0//b`, { final: false });
      },
      /^windows: pages-\S+ "1700000040000\/0\/\/b": the window is closed, and its result is not final$/m,
    ],
    [
      'how far windows are closed',
      ({ pages }) => {
        amend(pages, 'closedUntil/0', { closedUntil: T });
      },
      /^windows: pages-\S+ "closedUntil\/0": expected 1700000100000, found 1700000040000$/m,
    ],
    [
      'the clicks of a session',
      ({ sessions }, { a }) => {
        amend(sessions, `${T + 1_000}/${a}`, { clicks: 5 });
      },
      /^sessions: sessions-\S+ "1700000041000\/user-\d+": expected 4 clicks, found 5$/m,
    ],
    [
      'the exit of a session',
      ({ sessions }, { a }) => {
        amend(sessions, `${T + 1_000}/${a}`, { exitUrl: '/b' });
      },
      /^sessions: sessions-\S+ "1700000041000\/user-\d+": expected exit "\/a", found "\/b"$/m,
    ],
    [
      'a session that is not there',
      ({ sessions }) => {
        sessions.splice(1, 1);
      },
      /^sessions: sessions-\S+: 1 clicks of user "user-\d+" are in no session, the first one at 1700000042000$/m,
    ],
    [
      'a missing tombstone',
      ({ sessions }) => {
        sessions.splice(3, 1);
      },
      /^sessions: sessions-\S+ "1700000070000\/user-\d+": overlaps "1700000041000\/user-\d+": of one of them the tombstone is missing$/m,
    ],
    [
      'a session that was split',
      ({ sessions }, { a }) => {
        sessions.splice(4, 1);
        sessions.push(
          session(a, [T + 1_000, T + 10_000], 2, ['/a', '/b'], true),
          session(a, [T + 30_000, T + 85_000], 2, ['/b', '/a'], false),
        );
      },
      /^sessions: sessions-\S+ "1700000070000\/user-\d+": is 20000 ms after "1700000041000\/user-\d+", so that they are one$/m,
    ],
    [
      'an update of a session after its final result',
      ({ sessions }, { b }) => {
        sessions.push({ key: `${T + 2_000}/${b}`, value: null });
      },
      /^sessions: sessions-\S+ \[0\] @ 5 is a tombstone of "1700000042000\/user-\d+" after the final one$/m,
    ],
    [
      'a click listed as late that had an open window',
      ({ deadLetters, checkpoint }) => {
        deadLetters.push(deadLetter('late', 7, T + 85_000));
        checkpoint.state.books['late']! += 1;
        checkpoint.state.books['windowed']! -= 1;
      },
      /^late: dead-letters-\S+ \[0\] @ 5 lists a click as late that had an open window at event time 1700000125000 and stream time 1700000125000$/m,
    ],
    [
      'a click listed as late for a session that belonged to an open one',
      ({ deadLetters, sessions, checkpoint: { state, sums } }, { a }) => {
        deadLetters.splice(1, 0, deadLetter('session-late', 5, T + 75_000));
        amend(sessions, `${T + 1_000}/${a}`, { clicks: 3 });
        state.books['sessionLate']! += 1;
        state.books['sessioned']! -= 1;
        sums['sessionClicks']! -= 1;
      },
      /^late: dead-letters-\S+ \[0\] @ 0 lists a click as late for sessions that belonged to an open one at event time 1700000050000 and stream time 1700000115000$/,
    ],
    [
      'a stream time that fell',
      ({ deadLetters }) => {
        deadLetters[1] = deadLetter('late', 6, T + 74_999);
      },
      /^late: dead-letters-\S+ \[0\] @ 1 says that stream time was 1700000114999, after 1700000115000$/m,
    ],
    [
      'a stream time that never was',
      ({ deadLetters }) => {
        deadLetters[2] = deadLetter('session-late', 6, T + 85_001);
      },
      /^late: dead-letters-\S+ \[0\] @ 2 says that stream time was 1700000125001, and the checkpoint says 1700000125000$/m,
    ],
    [
      'a stream time beyond all that was open',
      ({ checkpoint }) => {
        checkpoint.state.clock = { streamTime: T + 185_000, closeTime: T + 175_000 };
      },
      /^late: checkpoint 1 of partition 0: stream time 1700000225000 is after the last click, at 1700000125000, and all that was open$/m,
    ],
    [
      'a letter about a click that was not counted',
      ({ deadLetters }) => {
        deadLetters[0] = deadLetter('late', 1, T + 75_000);
      },
      /^late: dead-letters-\S+ \[0\] @ 0 lists the record of partition 0 at offset 1 as too late, and that is no click that was counted$/m,
    ],
    [
      'a duplicate that was counted twice',
      ({ totals, pages, sessions, checkpoint }, { a }) => {
        amend(totals, a, { clicks: 5 });
        amend(pages, `${T}/0//a`, { clicks: 3 });
        amend(sessions, `${T + 1_000}/${a}`, { clicks: 5 });
        const { books, sums, state } = checkpoint;
        Object.assign(books, { counted: 8, duplicate: 0 });
        Object.assign(sums, { clicks: 8, sessionClicks: 6 });
        Object.assign(state.books, { windowed: 6, sessioned: 7 });
      },
      /^totals: user "user-\d+" in partition 0: expected 4, found 5; 1 of 2 users differ[^]*^books: duplicates in partition 0: expected 1, found 0 \(checkpoint 1\)$/m,
    ],
    [
      'a click of the future that was counted',
      ({ clicks }) => {
        clicks[9] = click('e9', 'user-0', '/a', Date.now());
      },
      /^books: dead letters with reason future in partition 0: expected 0, found 1/m,
    ],
    [
      'where the record of a dead letter stood',
      ({ deadLetters }) => {
        deadLetters[3] = deadLetter('malformed', 7);
      },
      /^books: dead letters with reason malformed in partition 0 are about other records than those that are to be rejected \(checkpoint 1\)$/,
    ],
    [
      'when the record of a dead letter came',
      ({ deadLetters }) => {
        deadLetters[4] = deadLetter('future', 9, undefined, { timestamp: T });
      },
      /^books: dead letters with reason future in partition 0 are about other records than those that are to be rejected \(checkpoint 1\)$/,
    ],
    [
      'books of windows that do not balance',
      ({ checkpoint }) => {
        checkpoint.state.books['windowed']! += 1;
      },
      /^books: the books of partition 0 do not balance: 7 counted, 6 in windows and 2 too late for theirs$/m,
    ],
    [
      'sums of what is open',
      ({ checkpoint }) => {
        checkpoint.sums['openSessions'] = 3;
      },
      /^sums: openSessions in partition 0: expected 3, found 2 \(checkpoint 1\)$/m,
    ],
  ])(
    'fails where %s is forged, and says what is wrong',
    { timeout: TEST_LIMIT_MS },
    async ([, change, text], { onTestFinished }) => {
      const { verify } = await createHandMadeAggregation(onTestFinished, change);
      const { exitCode, report } = await verify();
      expect(report.problems.map(({ check, text: line }) => `${check}: ${line}`).join('\n')).toMatch(text);
      expect(exitCode).toBe(1);
    },
  );
});
