import { encodeClickEvent } from '@clickstream/schema';
import { describe, expect, test } from 'vitest';
import { TopologyDriver, type DriverOptions } from './topology-driver.ts';

const HORIZON_MS = 60_000;
/** An id is remembered for the horizon and at most one step of it longer. */
const STEP_MS = 4;

/** A driver of two partitions whose clicks are told by event id and ingest time. */
class DuplicatesDriver extends TopologyDriver {
  readonly home = this.homeOf('u');

  constructor(options: DriverOptions = {}) {
    super({ partitions: 2, emit: 'coalesced', horizonMs: HORIZON_MS, ...options });
  }

  click(
    eventId: string,
    ingestTimeMs: number,
    { userId = 'u', partition = this.homeOf(userId) } = {},
  ): string {
    return this.read(partition, { value: valueOf(eventId, userId), timestampMs: ingestTimeMs });
  }
}

function valueOf(eventId: string, userId: string): string {
  return encodeClickEvent({ eventId, userId, url: '/', timestamp: 1_000 }, 'json');
}

describe('a click sent twice', () => {
  test('is counted once: no total, window, session or dead letter knows of the second', () => {
    const driver = new DuplicatesDriver();
    expect(driver.click('1', 0)).toBe('counted');
    expect(driver.click('1', 1)).toBe('duplicate');
    driver.commit();
    expect(driver.sums(driver.home)).toMatchObject({ clicks: 1, windowClicks: 1, sessionClicks: 1 });
    expect(driver.deadLetters()).toEqual([]);
  });

  test('moves no time', () => {
    const driver = new DuplicatesDriver();
    driver.click('1', 0);
    const later = encodeClickEvent({ eventId: '1', userId: 'u', url: '/', timestamp: 9_000 }, 'json');
    expect(driver.read(driver.home, { value: later })).toBe('duplicate');
    expect(driver.snapshot(driver.home).clock).toMatchObject({ streamTime: 1_000 });
  });

  test('once at home and once elsewhere is counted once', () => {
    const driver = new DuplicatesDriver();
    driver.click('1', 0);
    expect(driver.click('1', 1, { partition: 1 - driver.home })).toBe('forwarded');
    driver.deliver();
    expect(driver.verdicts).toEqual(['counted', 'forwarded', 'duplicate']);
  });

  test('is two clicks as a sentence, which has no event id', () => {
    const driver = new DuplicatesDriver();
    const value = 'User u clicked on / at 1';
    expect([1, 2].map(() => driver.read(driver.home, { value }))).toEqual(['counted', 'counted']);
  });

  test('by two users is two clicks', () => {
    const driver = new DuplicatesDriver({ partitions: 1 });
    const read = (userId: string) => driver.read(0, { value: valueOf('1', userId) });
    expect(['u', 'v', 'u', 'v'].map(read)).toEqual(['counted', 'counted', 'duplicate', 'duplicate']);
  });

  test('counts when it was rejected before: then it is sent again after a fix', () => {
    const driver = new DuplicatesDriver({ maxFutureMs: 500 });
    expect(driver.click('1', 0)).toBe('rejected');
    expect(driver.click('1', 600)).toBe('counted');
  });
});

describe('an id is remembered', () => {
  test('for the horizon after its last appearance, be that a duplicate', () => {
    const driver = new DuplicatesDriver();
    driver.click('1', 0);
    expect(driver.click('1', HORIZON_MS)).toBe('duplicate');
    expect(driver.click('1', 2 * HORIZON_MS)).toBe('duplicate');
    expect(driver.click('1', 3 * HORIZON_MS + 2 * STEP_MS)).toBe('counted');
  });

  test('as long as the other input is behind, and forgotten when both are past it', () => {
    const driver = new DuplicatesDriver();
    const origin = (timestampMs: number) => ({ topic: 'clicks', partition: 1, offset: 0n, timestampMs });
    const { home } = driver;
    driver.click('1', 0);
    driver.receive(home, { value: valueOf('2', 'u') }, origin(0));
    driver.click('3', 10 * HORIZON_MS);
    expect(driver.memory(home)).toMatchObject({ rememberedIds: 3 });
    // A copy that comes late by the other input, which stood still meanwhile.
    expect(driver.receive(home, { value: valueOf('1', 'u') }, origin(1_000))).toBe('duplicate');
    driver.caughtUp(home, 'repartition', true);
    expect(driver.memory(home)).toMatchObject({ rememberedIds: 1, idsForgottenEarly: 0 });
  });

  test('unless there are too many: the oldest go early, and are counted', () => {
    const driver = new DuplicatesDriver({ maxIds: 160 });
    for (let n = 0; n < 161; n++) driver.click(String(n), n * 2 * STEP_MS);
    // A sixteenth is made room for at once.
    expect(driver.memory(driver.home)).toMatchObject({ rememberedIds: 150, idsForgottenEarly: 11 });
    expect(driver.click('160', 161 * 2 * STEP_MS)).toBe('duplicate');
    expect(driver.click('11', 161 * 2 * STEP_MS)).toBe('duplicate');
    expect(driver.click('10', 161 * 2 * STEP_MS)).toBe('counted');
    driver.commit();
    driver.restart(driver.home);
    expect(driver.memory(driver.home)).toMatchObject({ rememberedIds: 151, idsForgottenEarly: 11 });
    expect(driver.click('9', 161 * 2 * STEP_MS)).toBe('counted');
  });
});

describe('a horizon changed at a restart', () => {
  test.each([
    ['raised', HORIZON_MS, 3_600_000],
    ['lowered', 3_600_000, HORIZON_MS],
  ])('and %s still remembers what came within both', (_, before, after) => {
    const driver = new DuplicatesDriver({ horizonMs: before });
    const { home } = driver;
    driver.caughtUp(home, 'repartition', true);
    const now = Date.UTC(2026);
    driver.click('old', now - 2 * HORIZON_MS);
    driver.click('1', now - 1_000);
    driver.click('2', now);
    driver.commit();
    driver.restart(home, { horizonMs: after });
    driver.caughtUp(home, 'repartition', true);
    expect(driver.click('3', now + 10)).toBe('counted');
    expect(['1', '2', '3'].map((id) => driver.click(id, now + 20))).toEqual(
      ['1', '2', '3'].map(() => 'duplicate'),
    );
    expect(driver.click('old', now + 30)).toBe('counted');
  });
});

describe('a limit of the future changed at a restart', () => {
  const restart = (driver: DuplicatesDriver, maxFutureMs: number) => {
    driver.commit();
    driver.restart(driver.home, { maxFutureMs });
  };

  test('and raised counts what was rejected before, once', () => {
    const driver = new DuplicatesDriver({ maxFutureMs: 500 });
    expect(driver.click('1', 0)).toBe('rejected');
    restart(driver, 5_000);
    expect(driver.click('1', 1)).toBe('counted');
    expect(driver.click('1', 2)).toBe('duplicate');
  });

  test('and lowered still remembers what was counted before', () => {
    const driver = new DuplicatesDriver({ maxFutureMs: 5_000 });
    expect(driver.click('1', 0)).toBe('counted');
    restart(driver, 500);
    expect(driver.click('1', 900)).toBe('duplicate');
  });

  test('more than once is known of each stretch of the log, until a rebuild does not need it any more', () => {
    const driver = new DuplicatesDriver({ maxFutureMs: 500 });
    const { home } = driver;
    driver.caughtUp(home, 'repartition', true);
    const known = () => driver.snapshot(home).judgedBefore?.input;
    expect(driver.click('1', 0)).toBe('rejected');
    expect(driver.click('2', 600)).toBe('counted');
    restart(driver, 5_000);
    expect(driver.click('3', 0)).toBe('counted');
    restart(driver, 0);
    expect(driver.click('4', 0)).toBe('rejected');
    restart(driver, 5_000);
    restart(driver, 5_000);
    expect(known()).toEqual([
      { untilOffset: '2', maxFutureMs: 500 },
      { untilOffset: '3', maxFutureMs: 5_000 },
      { untilOffset: '4', maxFutureMs: 0 },
    ]);
    expect(['1', '2', '3', '4'].map((id) => driver.click(id, 1))).toEqual([
      'counted',
      'duplicate',
      'duplicate',
      'counted',
    ]);
    driver.caughtUp(home, 'repartition', true);
    expect(driver.click('5', 10 * HORIZON_MS)).toBe('counted');
    driver.idle(home, 1e12);
    driver.commit();
    expect(known()).toEqual([]);
  });

  test('by a task that dies before its first commit is not taken note of twice', () => {
    const driver = new DuplicatesDriver({ maxFutureMs: 500 });
    driver.click('1', 0);
    driver.click('2', 600);
    driver.commit();
    driver.restart(driver.home, { maxFutureMs: 0 });
    driver.restart(driver.home, { maxFutureMs: 5_000 });
    expect(driver.click('1', 1)).toBe('counted');
    expect(driver.click('2', 1)).toBe('duplicate');
  });
});

describe('a click of the future', () => {
  test('is rejected by its ingest time alone, so that every replay decides the same', () => {
    const driver = new DuplicatesDriver({ maxFutureMs: 500 });
    expect(driver.click('1', 499)).toBe('rejected');
    expect(driver.click('2', 500)).toBe('counted');
    expect(driver.deadLetters()).toMatchObject([
      {
        reason: 'future',
        detail: expect.stringMatching(/event time 1000 is 501 ms after ingest time 499/) as string,
      },
    ]);
  });

  test('is judged where it was read first', () => {
    const driver = new DuplicatesDriver({ maxFutureMs: 500 });
    const origin = { topic: 'clicks', partition: 1, offset: 0n, timestampMs: 499 };
    const verdict = driver.receive(driver.home, { value: valueOf('1', 'u'), timestampMs: 5_000 }, origin);
    expect(verdict).toBe('rejected');
  });

  test('closes nobody else’s windows', () => {
    const driver = new DuplicatesDriver({ maxFutureMs: 500, graceMs: 0 });
    driver.click('1', 1_000);
    const value = encodeClickEvent({ eventId: '2', userId: 'u', url: '/', timestamp: 9e9 }, 'json');
    driver.read(driver.home, { value, timestampMs: 1_001 });
    driver.click('3', 1_002);
    expect(driver.sums(driver.home)).toMatchObject({ openWindows: 1, windowClicks: 2 });
  });

  test('is any that has no ingest time, for nothing bounds its event time', () => {
    const driver = new DuplicatesDriver({ maxFutureMs: 500, graceMs: 0 });
    const value = encodeClickEvent(
      { eventId: '1', userId: 'u', url: '/', timestamp: Date.UTC(9999) },
      'json',
    );
    expect(driver.read(driver.home, { value, timestampMs: -1 })).toBe('rejected');
    expect(driver.click('2', -1)).toBe('rejected');
    expect(driver.click('3', 1_000)).toBe('counted');
    expect(driver.deadLetters().map(({ reason }) => reason)).toEqual(['future', 'future']);
    driver.commit();
    driver.restart(driver.home);
    expect(driver.click('2', 1_001)).toBe('counted');
  });
});
