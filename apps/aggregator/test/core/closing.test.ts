import { encodeClickEvent } from '@clickstream/schema';
import { expect, test } from 'vitest';
import { TopologyDriver, type DriverOptions } from './topology-driver.ts';

const MAX_RECORDS = 4_000;
/** Of one partition; windows of a second, and pages that are as many as clicks. */
const SHAPE: DriverOptions = {
  partitions: 1,
  emit: 'coalesced',
  sizeMs: 1_000,
  graceMs: 1_000,
  sessionGapMs: 10_000_000,
  maxPages: 1e6,
  maxRecords: MAX_RECORDS,
};
const FAR = 1e12;

function click(driver: TopologyDriver, number: number, timestamp: number, url: string): void {
  const event = { eventId: `e-${number}`, userId: `user-${number}`, url, timestamp };
  driver.read(0, { value: encodeClickEvent(event, 'json') });
  // As a task does: only what one record leads to is beyond the bound.
  if (driver.heldBack(0) >= MAX_RECORDS) driver.commit();
}

/** How many keys have a final record; none may have a record after it. */
function finals(records: readonly { key: string; final: boolean }[]): number {
  const keys = new Set<string>();
  const again = records.filter(({ key, final }) => {
    if (keys.has(key)) return true;
    if (final) keys.add(key);
    return false;
  });
  expect(again).toEqual([]);
  return keys.size;
}

const sessionsOf = (driver: TopologyDriver) =>
  finals(
    driver
      .sessions()
      .map((one) =>
        typeof one === 'string' ? { key: one, final: false } : { key: one.sessionId, final: one.final },
      ),
  );
const pagesOf = (driver: TopologyDriver) =>
  finals(driver.pages().map(({ windowStart, page, final }) => ({ key: `${windowStart} ${page}`, final })));

// Many times what a transaction holds, and no more: nearly all of the time goes into reading back what the driver has written.
test.each([
  ['sessions', 60_000, SHAPE, (number: number) => ({ at: number % 1_000, url: '/' })],
  ['pages of one window', 20_000, SHAPE, (number: number) => ({ at: 0, url: `/${number}` })],
  ['windows', 20_000, { ...SHAPE, sizeMs: 1, graceMs: 1e6 }, (number: number) => ({ at: number, url: '/' })],
])(
  'one click closes all %s (%d clicks) in transactions that are no larger than others, and a crash between them changes nothing',
  (_, clicks, shape, clickOf) => {
    const driver = new TopologyDriver(shape);
    for (let number = 0; number < clicks; number++) {
      const { at, url } = clickOf(number);
      click(driver, number, at, url);
    }
    driver.commit();
    const before = driver.transactions(0).length;
    const open = driver.sums(0);
    click(driver, clicks, FAR, '/');
    expect(driver.isClosing(0)).toBe(true);
    driver.commit();
    driver.commit();
    // So long as not all windows are closed, nothing says so.
    const until = driver.closedUntil(0).at(-1)?.closedUntil ?? -Infinity;
    expect(until <= 0 || driver.sums(0).openWindows <= 1).toBe(true);
    driver.restart(0);
    driver.drain(0);
    const transactions = driver.transactions(0).slice(before);
    expect(transactions.length).toBeGreaterThanOrEqual(clicks / MAX_RECORDS);
    // And a closedUntil, and what the click itself leads to.
    expect(Math.max(...driver.transactions(0))).toBeLessThanOrEqual(MAX_RECORDS + 4);
    expect(sessionsOf(driver)).toBe(clicks);
    expect(pagesOf(driver)).toBe(open.openPages);
    expect(driver.sums(0)).toMatchObject({ openWindows: 1, openPages: 1, openSessions: 1, sessionClicks: 1 });
    const last = driver.closedUntil(0).at(-1)?.closedUntil ?? 0;
    expect(last).toBe(FAR - (shape.graceMs ?? 0));
  },
  240_000,
);

test('idle time closes 50,000 sessions one deadline after another, each transaction within its bound', () => {
  const driver = new TopologyDriver({ ...SHAPE, sessionGapMs: 10_000 });
  const clicks = 50_000;
  for (let number = 0; number < clicks; number++) click(driver, number, Math.floor(number / 10), '/');
  driver.commit();
  for (let round = 0; round < 100 && driver.sums(0).openSessions > 0; round++) {
    driver.idle(0, 20_000);
    driver.commit();
  }
  expect(driver.sums(0).openSessions).toBe(0);
  expect(Math.max(...driver.transactions(0))).toBeLessThanOrEqual(MAX_RECORDS + 4);
  expect(sessionsOf(driver)).toBe(clicks);
  // The last session's end, and no further.
  expect(driver.snapshot(0).clock).toEqual({ streamTime: 4_999 + 10_000 + 1_000, closeTime: 14_999 });
});
