import { describe, expect, test } from 'vitest';
import { Coverage } from '../testing/coverage.ts';
import type { PlacedModelRecord } from '../testing/model-log.ts';
import { EPOCH_MS, type World } from '../testing/simulation-world.ts';
import { WindowRecount } from '../testing/window-recount.ts';
import type { WindowResult } from '../testing/window-result.ts';

const SIZE_MS = 1_000;
const GRACE_MS = 200;

/** What the recount of one task says; times are ms since the beginning of a window. */
function recount() {
  const world = {
    windows: { sizeMs: SIZE_MS, graceMs: GRACE_MS, horizonMs: 0 },
    timeouts: { fetchMs: 500 },
    isForgetful: false,
    coverage: new Coverage(),
  } as unknown as World;
  const windows = new WindowRecount(world, 0);
  let offset = 0;
  let counted = 0;
  let late = 0;
  return {
    publish: (result: Partial<WindowResult>, start = 0) => {
      const value = { clicks: 1, users: 1, usersExact: true, final: false, ...result };
      const [key, json] = [String(EPOCH_MS + start), JSON.stringify(value)].map((text) => Buffer.from(text));
      windows.take({ key, value: json, headers: [], offset: offset++, timestampMs: 0 } as PlacedModelRecord);
    },
    listLate: (place: string, streamTime: number) => {
      windows.takeLetter({ place, offset: offset++, streamTime: EPOCH_MS + streamTime });
    },
    count: (place: string, eventTime: number, seenMs: number, user = 1) => {
      if (windows.count(place, { user, eventTime: EPOCH_MS + eventTime, id: counted }, seenMs)) late++;
      counted++;
    },
    check: (streamTime: number, seenMs: number, sums = { openWindows: 0, windowClicks: 0 }) => {
      const books = { windowed: counted - late, late };
      const state = { streamTime: EPOCH_MS + streamTime, books, isClosing: false, windowsEnd: '0' };
      const ends = { resultsEnd: offset, lettersEnd: offset, seenMs };
      windows.check(state, sums, { counted, late }, ends, (what) => what);
    },
  };
}

describe('the recount of windows', () => {
  test('is content with a window that idle time has closed, and a click that came after it', () => {
    const { publish, count, listLate, check } = recount();
    publish({ final: true });
    count('a', 500, 600);
    check(1_200, 2_000);
    listLate('b', 1_200);
    count('b', 900, 2_100);
    check(1_200, 2_200);
  });

  test('sees a click that is late only because it was read late', () => {
    const cameAt = (seenMs: number) => () => {
      const { publish, count, listLate, check } = recount();
      publish({ final: true });
      listLate('b', 1_200);
      count('a', 0, 100);
      count('b', 50, seenMs);
      check(1_200, 9_000);
    };
    expect(cameAt(1_300)).not.toThrow();
    expect(cameAt(120)).toThrow(/^the click of b is late because of a pause/);
  });

  test('sees a click that is listed as late in an open window', () => {
    const { publish, count, listLate } = recount();
    publish({});
    listLate('b', 1_199);
    count('a', 900, 1_000);
    expect(() => {
      count('b', 400, 1_100);
    }).toThrow('b is late, and its window was open');
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
