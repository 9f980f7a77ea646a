import { describe, expect, test } from 'vitest';
import { Coverage } from '../testing/coverage.ts';
import type { PlacedModelRecord } from '../testing/model-log.ts';
import { EPOCH_MS, type World } from '../testing/simulation-world.ts';
import { WindowRecount } from '../testing/window-recount.ts';
import { CLOSED_UNTIL_KEY, type ClosedUntil, type WindowResult } from '../testing/window-result.ts';

const SIZE_MS = 1_000;
const GRACE_MS = 200;

/** What the recount of one task says; times are ms since the beginning of a window. */
function recount(advanceMs = SIZE_MS) {
  const world = {
    windows: { sizeMs: SIZE_MS, advanceMs, graceMs: GRACE_MS, horizonMs: 0 },
    timeouts: { fetchMs: 500 },
    isForgetful: false,
    coverage: new Coverage(),
  } as unknown as World;
  const windows = new WindowRecount(world, 0);
  let offset = 0;
  let counted = 0;
  const listed = { missed: 0, late: 0 };
  let saidUntil: number | undefined;
  const write = (key: string, value: WindowResult | ClosedUntil) => {
    const [keyBytes, json] = [Buffer.from(key), Buffer.from(JSON.stringify(value))];
    const record = { key: keyBytes, value: json, headers: [], offset: offset++, timestampMs: 0 };
    windows.take(record satisfies PlacedModelRecord);
  };
  const closeUntil = (closedUntil: number) => {
    saidUntil = closedUntil;
    write(CLOSED_UNTIL_KEY, { closedUntil: EPOCH_MS + closedUntil });
  };
  return {
    closeUntil,
    publish: (result: Partial<WindowResult>, start = 0) => {
      write(String(EPOCH_MS + start), { clicks: 1, users: 1, usersExact: true, final: false, ...result });
    },
    list: (reason: 'missed' | 'late', place: string, streamTime: number) => {
      windows.takeLetter({ reason, place, offset: offset++, streamTime: EPOCH_MS + streamTime });
    },
    count: (place: string, eventTime: number, seenMs: number, user = 1) => {
      const lateness = windows.count(place, { user, eventTime: EPOCH_MS + eventTime, id: counted }, seenMs);
      if (lateness) listed[lateness]++;
      counted++;
    },
    /** Says how far windows are closed, unless that was said. */
    check: (streamTime: number, seenMs: number, sums = { openWindows: 0, windowClicks: 0 }) => {
      if (saidUntil === undefined) closeUntil(Math.floor((streamTime - GRACE_MS) / advanceMs) * advanceMs);
      const books = { windowed: counted - listed.late, ...listed };
      const state = { streamTime: EPOCH_MS + streamTime, books, isClosing: false, windowsEnd: '0' };
      const ends = { resultsEnd: offset, lettersEnd: offset, seenMs };
      windows.check(state, sums, { counted, ...listed }, ends, (what) => what);
    },
  };
}

describe('the recount of windows', () => {
  test('is content with a window that idle time has closed, and a click that came after it', () => {
    const { publish, count, list, check } = recount();
    publish({ final: true });
    count('a', 500, 600);
    check(1_200, 2_000);
    list('late', 'b', 1_200);
    count('b', 900, 2_100);
    check(1_200, 2_200);
  });

  test('sees a click that is late only because it was read late', () => {
    const cameAt = (seenMs: number) => () => {
      const { publish, count, list, check } = recount();
      publish({ final: true });
      list('late', 'b', 1_200);
      count('a', 0, 100);
      count('b', 50, seenMs);
      check(1_200, 9_000);
    };
    expect(cameAt(1_300)).not.toThrow();
    expect(cameAt(120)).toThrow(/^the click of b is late because of a pause/);
  });

  test('sees a click that is listed as late in an open window', () => {
    const { publish, count, list } = recount();
    publish({});
    list('late', 'b', 1_199);
    count('a', 900, 1_000);
    expect(() => {
      count('b', 400, 1_100);
    }).toThrow('b is late, and 1 of its 1 windows were open');
  });

  test('holds a click that missed some of its windows against the others', () => {
    const hop = SIZE_MS / 2;
    const of = (reason: 'missed' | 'late', streamTime: number, clicks: number) => () => {
      const { publish, count, list, check } = recount(hop);
      publish({ final: true }, -hop);
      publish({ clicks, users: 2 });
      publish({}, hop);
      list(reason, 'b', streamTime);
      count('a', 400, 400);
      count('c', 700, 700);
      count('b', 450, 700, 2);
      check(700, 800, { openWindows: 2, windowClicks: 4 });
    };
    expect(of('missed', 700, 3)).not.toThrow();
    expect(of('missed', 700, 2)).toThrow('clicks of the window');
    expect(of('missed', 699, 3)).toThrow('b is missed, and 2 of its 2 windows were open');
    expect(of('missed', 1_200, 3)).toThrow('b is missed, and 0 of its 2 windows were open');
    expect(of('late', 700, 3)).toThrow('b is late, and 1 of its 2 windows were open');
  });

  test('sees that windows are closed further than they are said to be, or less far', () => {
    const of = (closedUntil: number) => () => {
      const { publish, closeUntil, count, check } = recount();
      publish({ final: true });
      publish({}, 2_000);
      closeUntil(closedUntil);
      count('a', 500, 600);
      count('b', 2_100, 2_100);
      check(2_100, 2_200, { openWindows: 1, windowClicks: 1 });
    };
    expect(of(1_000)).not.toThrow();
    for (const wrong of [0, 2_000]) expect(of(wrong)).toThrow('windows are closed until');
    const { publish, closeUntil } = recount();
    closeUntil(1_000);
    expect(() => {
      publish({});
    }).toThrow('and windows are closed until');
    expect(() => {
      closeUntil(0);
    }).toThrow('windows are closed until');
  });

  test('sees a result after the final one, and a second final one', () => {
    const { publish } = recount();
    publish({ final: true });
    expect(() => {
      publish({ clicks: 2 });
    }).toThrow('after its final one');
    expect(() => {
      publish({ final: true });
    }).toThrow('after its final one');
  });

  test('sees wrong clicks, wrong users and a window that should be closed', () => {
    const of = (result: Partial<WindowResult>, streamTime: number) => () => {
      const { publish, count, check } = recount();
      publish(result);
      count('a', 100, 100);
      count('b', 200, 200, 2);
      if (streamTime > 200) {
        publish({ final: false }, 3_000);
        count('c', streamTime, streamTime);
      }
      check(streamTime, 9_000, { openWindows: 1, windowClicks: streamTime > 200 ? 1 : 2 });
    };
    expect(of({ clicks: 2, users: 2 }, 200)).not.toThrow();
    expect(of({ clicks: 2, users: 2, final: true }, 3_000)).not.toThrow();
    expect(of({ clicks: 3, users: 2 }, 200)).toThrow('clicks of the window');
    expect(of({ clicks: 2, users: 1 }, 200)).toThrow('users of the window');
    expect(of({ clicks: 2, users: 2 }, 3_000)).toThrow('is open at stream time');
    expect(of({ clicks: 2, users: 2, final: true }, 200)).toThrow('is final at stream time');
  });

  test('sees idle time that was none', () => {
    const at = (streamTime: number, seenMs: number) => () => {
      const { publish, count, check } = recount();
      publish({ final: streamTime >= 1_200 });
      count('a', 500, 100);
      check(streamTime, seenMs);
    };
    expect(at(1_200, 1_300)).not.toThrow();
    expect(at(1_200, 700)).toThrow('ahead of the wall clock');
    expect(at(1_250, 9_000)).toThrow('closes no window');
    expect(at(400, 9_000)).toThrow('is before the event time');
    const { publish, count, check } = recount();
    publish({ final: true });
    count('a', 500, 1_000);
    expect(() => {
      check(1_200, 1_500);
    }).toThrow('went faster than time');
  });
});
