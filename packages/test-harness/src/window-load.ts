import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import type { ClickLoad } from './click-load.ts';
import { keepDoing } from './keep-doing.ts';
import { untilAllClosed } from './newest-checkpoints.ts';
import type { RandomSource } from './random-source.ts';
import { readFinalPages } from './read-final-pages.ts';
import type { TestTopics } from './test-topics.ts';

/**
 * The load known from the playground of Apache Flink: 6 pages, and on each of them exactly 1,000 clicks in each window
 * of 15 s of event time. Its users are at home where their clicks are written.
 */
export interface WindowLoad {
  /** Windows written. */
  readonly windows: number;
  /** Writes one window after another, until the function that it returns has resolved: the last one is whole. */
  keepWriting(): () => Promise<void>;
  /**
   * Waits until idle time has closed everything, then holds the final results against what was written.
   *
   * @throws AssertionError with what differs, or when a result has another record after its final one.
   */
  assertFinal(): Promise<void>;
}

/** Settings of an aggregator that fit the load: idle time closes its last window within 7 s. */
export const WINDOW_LOAD_ENVIRONMENT = {
  WINDOW_SIZE_MS: '15000',
  GRACE_MS: '5000',
  SESSION_GAP_MS: '1000',
  IDLE_TIMEOUT_MS: '1000',
};

const WINDOW_MS = 15_000;
const PAGES = 6;
const CLICKS_PER_PAGE = 1_000;
const USERS = 60;
/** The first window's start: a multiple of its size. */
const START_MS = 113_333_334 * WINDOW_MS;
/** Written at once, then a pause: about seven times as fast as the clicks' own time. */
const SLICE = 300;
const PAUSE_MS = 100;

/** @param load takes the clicks, and with them the answer of the running totals. */
export function createWindowLoad(topics: TestTopics, load: ClickLoad, random: RandomSource): WindowLoad {
  let windows = 0;
  const users = new Map<string, Set<string>>();

  const writeClick = async (start: number, index: number) => {
    const userId = `${topics.id}-${random.below(USERS)}`;
    const page = `/page${index % PAGES}`;
    const key = `${start} ${page}`;
    users.set(key, (users.get(key) ?? new Set()).add(userId));
    const timestamp = start + Math.floor((index * WINDOW_MS) / (PAGES * CLICKS_PER_PAGE));
    await load.writeEvent({ eventId: `${start}-${index}`, userId, url: `${page}?n=${index}`, timestamp });
  };
  const writeWindow = async () => {
    const start = START_MS + windows++ * WINDOW_MS;
    for (let first = 0; first < PAGES * CLICKS_PER_PAGE; first += SLICE)
      await Promise.all([
        delay(PAUSE_MS),
        ...Array.from({ length: SLICE }, (_, index) => writeClick(start, first + index)),
      ]);
  };
  return {
    get windows() {
      return windows;
    },
    keepWriting: () => {
      const stop = keepDoing(async (signal) => {
        do await writeWindow();
        while (!signal.aborted);
      });
      topics.atEnd(() => stop().catch(() => undefined));
      return stop;
    },
    assertFinal: async () => {
      await untilAllClosed(topics, load.written);
      const sums = new Map<string, { clicks: number; users: number }>();
      for (const final of await readFinalPages(topics)) {
        assert(final.usersExact, `users of ${JSON.stringify(final)}`);
        const key = `${final.windowStart} ${final.page}`;
        const sum = sums.get(key) ?? { clicks: 0, users: 0 };
        sums.set(key, { clicks: sum.clicks + final.clicks, users: sum.users + final.users });
      }
      assert.equal(users.size, windows * PAGES);
      assert.deepEqual(
        sums,
        new Map([...users].map(([key, { size }]) => [key, { clicks: CLICKS_PER_PAGE, users: size }])),
      );
    },
  };
}
