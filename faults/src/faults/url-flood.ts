import assert from 'node:assert/strict';
import { decodePageClicks, isClosedUntilKey, OTHER_PAGES } from '@clickstream/schema';
import { assertBooks, readCommitted, untilAllClosed } from '@clickstream/test-harness';
import type { Fault } from '../fault.ts';
import { peakMemoryMb } from '../peak-memory.ts';

const CLICKS = 1_000_000;
const CLICKS_AT_ONCE = 20_000;
const URL_LENGTHS = [20, 100, 300];
const START_MS = 1_700_000_000_000;
const USERS = 1_000;
const HEAP_MB = 256;
/** The heap, and what is fetched and written outside it. */
const MOST_MEMORY_MB = 640;
/** `MAX_PAGES_PER_WINDOW`, unless it is set. */
const MOST_PAGES = 10_000;

export const urlFlood: Fault = {
  name: 'url-flood',
  title: `${CLICKS.toLocaleString('en')} clicks on as many urls, half of them of one user, with a heap of ${HEAP_MB} MB`,
  pace: 'plain',
  emit: 'coalesced',
  environment: { WINDOW_SIZE_MS: '30000', SESSION_GAP_MS: '1000', IDLE_TIMEOUT_MS: '1000' },
  seconds: { round: 180, fixed: 30 },
  isOnce: true,
  async run({ topics, load, startAggregator, recover, report }) {
    for (let first = 0; first < CLICKS; first += CLICKS_AT_ONCE)
      await Promise.all(
        Array.from({ length: CLICKS_AT_ONCE }, (_, index) => {
          const number = first + index;
          const userId = `${topics.id}-${number % 2 === 0 ? 'flood' : number % USERS}`;
          const url = `/${number}-`.padEnd(URL_LENGTHS[number % URL_LENGTHS.length] ?? 0, 'x');
          return load.writeEvent({ eventId: `e-${number}`, userId, url, timestamp: START_MS + number });
        }),
      );
    const aggregator = startAggregator({ nodeOptions: [`--max-old-space-size=${HEAP_MB}`] });
    await recover(aggregator);
    await untilAllClosed(topics, load.written, aggregator);
    const mostMb = peakMemoryMb(aggregator.pid) ?? 0;
    report(`${mostMb} MB at most`);
    assert.ok(mostMb <= MOST_MEMORY_MB, `the aggregator took ${mostMb} MB`);
    const { counted, windowed, late, missed } = await assertBooks(topics, load.written);
    assert.deepEqual(
      { counted, windowed, late, missed },
      { counted: CLICKS, windowed: CLICKS, late: 0, missed: 0 },
    );
    let inWindows = 0;
    const apart = new Map<string, number>();
    for await (const record of readCommitted(topics, topics.pages)) {
      if (isClosedUntilKey(record.key())) continue;
      const decoded = decodePageClicks(record.key(), record.value());
      assert(decoded.status === 'decoded');
      const { page, windowStart, partition, clicks, users, final } = decoded.value;
      if (!final) continue;
      inWindows += clicks;
      if (page === OTHER_PAGES) continue;
      assert.deepEqual({ clicks, users }, { clicks: 1, users: 1 });
      const window = `${windowStart}/${partition}`;
      apart.set(window, (apart.get(window) ?? 0) + 1);
    }
    assert.equal(inWindows, CLICKS);
    assert.equal(
      Math.max(...apart.values()),
      MOST_PAGES,
      'no window has had as many pages as it keeps apart',
    );
  },
};
