import { describe, expect, test } from 'vitest';
import { SessionRecount } from '../testing/session-recount.ts';
import type { SessionResult } from '../testing/session-result.ts';

/** The sessions of one user; clicks at least 100 ms apart are of two, and 20 ms later they are closed. */
function recount() {
  const sessions = new SessionRecount({ gapMs: 100, graceMs: 20 }, 0);
  let offset = 0;
  let counted = 0;
  return {
    publish: (start: number, result: SessionResult | null) => {
      const value = result && Buffer.from(JSON.stringify(result));
      const key = Buffer.from(`1/${start}`);
      sessions.take({ key, value, headers: [], offset: offset++, timestampMs: 0 });
    },
    count: (eventTime: number) => {
      sessions.count(`clicks/0/${counted}`, { user: 1, eventTime, id: counted++ });
    },
    check: (streamTime: number, openSessions: number, sessionClicks: number) => {
      const books = { sessioned: counted - sessions.late, sessionLate: sessions.late };
      const sums = { openSessions, sessionClicks };
      const ends = { resultsEnd: offset, lettersEnd: offset };
      sessions.check(streamTime, false, sums, books, ends, (what) => what);
    },
    listLate: (place: string, streamTime: number) => {
      sessions.takeLetter({ place, offset: offset++, streamTime });
    },
  };
}

describe('the recount of sessions', () => {
  test('is content with one that a click has merged of two, and with its end', () => {
    const { publish, count, check } = recount();
    for (const time of [0, 150]) count(time);
    publish(0, { end: 0, clicks: 1, final: false });
    publish(150, { end: 150, clicks: 1, final: false });
    check(119, 2, 2);
    count(80);
    publish(150, null);
    publish(0, { end: 150, clicks: 3, final: false });
    check(150, 1, 3);
    publish(0, { end: 150, clicks: 3, final: true });
    check(270, 0, 0);
  });

  test('sees an absorbed session without a tombstone', () => {
    const { publish, count, check } = recount();
    for (const time of [0, 80, 150]) count(time);
    publish(150, { end: 150, clicks: 1, final: false });
    publish(0, { end: 150, clicks: 3, final: false });
    expect(() => {
      check(150, 2, 4);
    }).toThrow('is not merged with the one before');
  });

  test('wants sessions that are a gap apart to be two, and none to reach into another', () => {
    const of = (second: number, end: number) => () => {
      const { publish, count, check } = recount();
      for (const time of [0, second]) count(time);
      publish(0, { end, clicks: 1, final: false });
      publish(second, { end: second, clicks: 1, final: false });
      check(100, 2, 2);
    };
    expect(of(100, 0)).not.toThrow();
    expect(of(99, 0)).toThrow('is not merged with the one before');
    const { publish, count, check } = recount();
    for (const time of [0, 90, 80]) count(time);
    publish(0, { end: 90, clicks: 2, final: true });
    publish(80, { end: 80, clicks: 1, final: true });
    expect(() => {
      check(230, 0, 0);
    }).toThrow('clicks of the session');
  });

  test('sees wrong clicks, a gap, and one that should be closed', () => {
    const of = (result: SessionResult, streamTime: number, times: readonly number[]) => () => {
      const { publish, count, check } = recount();
      for (const time of times) count(time);
      publish(0, result);
      check(streamTime, result.final ? 0 : 1, result.final ? 0 : result.clicks);
    };
    expect(of({ end: 50, clicks: 2, final: false }, 169, [0, 50])).not.toThrow();
    expect(of({ end: 50, clicks: 3, final: false }, 169, [0, 50])).toThrow('clicks of the session');
    expect(of({ end: 150, clicks: 2, final: false }, 169, [0, 150])).toThrow('has a gap');
    expect(of({ end: 100, clicks: 2, final: false }, 169, [0, 100])).toThrow('has a gap');
    expect(of({ end: 99, clicks: 2, final: false }, 169, [0, 99])).not.toThrow();
    expect(of({ end: 50, clicks: 2, final: false }, 170, [0, 50])).toThrow('is open at stream time');
    expect(of({ end: 50, clicks: 2, final: true }, 169, [0, 50])).toThrow('is final at stream time');
    expect(of({ end: 50, clicks: 2, final: false }, 60, [0, 50, 60])).toThrow('in sessions');
  });

  test('sees a record after the final one, a tombstone of nothing, and a click that was in time', () => {
    const { publish, count, listLate } = recount();
    publish(0, { end: 0, clicks: 1, final: true });
    expect(() => {
      publish(0, null);
    }).toThrow('after its final one');
    expect(() => {
      publish(7, null);
    }).toThrow('which there is not');
    listLate('clicks/0/0', 100);
    expect(() => {
      count(80);
    }).toThrow('in time for a session of its own');
  });
});
