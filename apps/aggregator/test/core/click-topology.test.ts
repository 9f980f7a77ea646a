import {
  CLICK_EVENT_LIMITS,
  CLICK_RECORD_LIMIT_BYTES,
  DEAD_LETTER_LIMIT_BYTES,
  encodeClickEvent,
  type ClickEvent,
} from '@clickstream/schema';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { UnreadableResultError } from '../../src/core/click-topology.ts';
import { CLICKS, TopologyDriver } from './topology-driver.ts';

const PARTITIONS = 3;
const ORIGIN = { topic: CLICKS, partition: 1, offset: 7n, timestampMs: 1_700_000_000_000 };

/** Names that careless objects and careless text handling trip over. */
const HOSTILE_IDS = [
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  '🦊',
  'Zoë Müller',
  '\ufeffwith a byte order mark',
  '\u202eright to left',
  '\ufffd',
  ' ',
  '0',
  'has clicked 3 times.',
  '{"userId":"x"}',
  'x'.repeat(256),
];

const userIds = fc.oneof(
  fc.constantFrom('a', 'b', 'c', 'd', 'e'),
  fc.constantFrom(...HOSTILE_IDS),
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 8 }).filter((id) => /^[^\p{Cc}\p{Cs}]+$/u.test(id)),
);

/** A click and the partition that it is placed in, with or without key. */
interface PlacedClick {
  readonly event: ClickEvent;
  readonly partition: number;
  readonly hasKey: boolean;
}

/** Clicks whose event times all differ, placed anyhow. */
const placedClicks: fc.Arbitrary<PlacedClick[]> = fc
  .uniqueArray(fc.integer({ min: 0, max: 1_000_000 }), { maxLength: 60 })
  .chain((times) =>
    fc.tuple(
      ...times.map((timestamp, index) =>
        fc.record({
          event: fc.record({
            eventId: fc.constant(`e-${index}`),
            userId: userIds,
            url: fc.constantFrom('/a', '/b', '/ü?q=1'),
            timestamp: fc.constant(timestamp),
          }),
          partition: fc.nat(PARTITIONS - 1),
          hasKey: fc.boolean(),
        }),
      ),
    ),
  );

function read(driver: TopologyDriver, { event, partition, hasKey }: PlacedClick) {
  return driver.read(partition, {
    key: hasKey ? event.userId : null,
    value: encodeClickEvent(event, 'json'),
  });
}

let clicksMade = 0;

function click(userId: string, timestamp = 1_000, url = '/page3') {
  const eventId = `e-${clicksMade++}`;
  return { value: encodeClickEvent({ eventId, userId, url, timestamp }, 'json') };
}

/** What the totals must be, counted in the plainest way. */
function recount(clicks: readonly PlacedClick[]) {
  const totals = new Map<string, { clicks: number; lastClickAt: number; lastUrl: string }>();
  for (const { event } of clicks) {
    const of = clicks.filter(({ event: { userId } }) => userId === event.userId);
    const last = of.reduce((a, b) => (a.event.timestamp > b.event.timestamp ? a : b)).event;
    totals.set(event.userId, { clicks: of.length, lastClickAt: last.timestamp, lastUrl: last.url });
  }
  return totals;
}

function newest(driver: TopologyDriver) {
  return new Map(
    [...driver.newestTotals()].map(([userId, { clicks, lastClickAt, lastUrl }]) => [
      userId,
      { clicks, lastClickAt, lastUrl },
    ]),
  );
}

describe('totals', () => {
  test('are exact for clicks in any order and any partition', () => {
    fc.assert(
      fc.property(placedClicks, (clicks) => {
        const driver = new TopologyDriver({ partitions: PARTITIONS });
        for (const each of clicks) read(driver, each);
        driver.deliver();
        expect(newest(driver)).toEqual(recount(clicks));
      }),
    );
  });

  test('are published as 1, 2, 3, … for each user, all in one partition, with `every`', () => {
    fc.assert(
      fc.property(placedClicks, (clicks) => {
        const driver = new TopologyDriver({ partitions: PARTITIONS });
        for (const each of clicks) {
          read(driver, each);
          driver.deliver();
        }
        for (const userId of new Set(clicks.map(({ event }) => event.userId))) {
          const published = driver.totals(driver.homeOf(userId)).filter((total) => total.userId === userId);
          expect(published.map((total) => total.clicks)).toEqual(published.map((_, index) => index + 1));
          expect(driver.totals().filter((total) => total.userId === userId)).toHaveLength(published.length);
        }
      }),
    );
  });

  test.each(['json', 'sentence'] as const)(
    'end the same with `coalesced` as with `every`, wherever the transactions end (%s)',
    (format) => {
      fc.assert(
        fc.property(placedClicks, fc.infiniteStream(fc.boolean()), (clicks, commits) => {
          const every = new TopologyDriver({ partitions: PARTITIONS, format });
          const coalesced = new TopologyDriver({ partitions: PARTITIONS, format, emit: 'coalesced' });
          for (const each of clicks) {
            read(every, each);
            read(coalesced, each);
            if (commits.next().value) coalesced.commit();
          }
          every.deliver();
          coalesced.deliver();
          coalesced.commit();
          expect(newest(coalesced)).toEqual(newest(every));
          expect(coalesced.totals().length).toBeLessThanOrEqual(every.totals().length);
        }),
      );
    },
  );

  test('hold once per transaction and user what changed, in the order of the first change, with `coalesced`', () => {
    const driver = new TopologyDriver({ partitions: 1, emit: 'coalesced' });
    for (const userId of ['b', 'a', 'b', 'b']) driver.read(0, click(userId));
    expect(driver.totals()).toEqual([]);
    driver.commit();
    driver.commit();
    driver.read(0, click('a'));
    driver.commit();
    expect(driver.totals().map(({ userId, clicks }) => [userId, clicks])).toEqual([
      ['b', 3],
      ['a', 1],
      ['a', 2],
    ]);
  });

  test('carry time and page of the click with the greatest event time, of equals the later one', () => {
    const driver = new TopologyDriver({ partitions: 1 });
    for (const [timestamp, url] of [
      [2_000, '/first'],
      [1_000, '/older'],
      [2_000, '/equal'],
      [3_000, '/newest'],
      [2_999, '/out of order'],
    ] as const)
      driver.read(0, click('42', timestamp, url));
    expect(driver.totals().map(({ lastClickAt, lastUrl }) => [lastClickAt, lastUrl])).toEqual([
      [2_000, '/first'],
      [2_000, '/first'],
      [2_000, '/equal'],
      [3_000, '/newest'],
      [3_000, '/newest'],
    ]);
  });

  test.each(['json', 'sentence'] as const)(
    'of hostile user ids are kept apart and come back (%s)',
    (format) => {
      const driver = new TopologyDriver({ partitions: PARTITIONS, format });
      for (const round of [1, 2]) {
        for (const [index, userId] of HOSTILE_IDS.entries()) driver.read(index % PARTITIONS, click(userId));
        driver.deliver();
        driver.commit();
        for (let partition = 0; partition < PARTITIONS; partition++) driver.restart(partition);
        expect(new Map([...driver.newestTotals()].map(([userId, { clicks }]) => [userId, clicks]))).toEqual(
          new Map(HOSTILE_IDS.map((userId) => [userId, round])),
        );
      }
      expect(driver.deadLetters()).toEqual([]);
    },
  );
});

describe('a restart', () => {
  test.each(['json', 'sentence'] as const)(
    'at any cut, and the rest, is the uninterrupted run, sums included (%s)',
    (format) => {
      fc.assert(
        fc.property(
          placedClicks,
          fc.infiniteStream(fc.boolean()),
          fc.constantFrom('every' as const, 'coalesced' as const),
          (clicks, restarts, emit) => {
            const uninterrupted = new TopologyDriver({ partitions: PARTITIONS, format, emit });
            const interrupted = new TopologyDriver({ partitions: PARTITIONS, format, emit });
            for (const each of clicks)
              for (const driver of [uninterrupted, interrupted]) {
                read(driver, each);
                driver.deliver();
                driver.commit();
                if (driver === interrupted && restarts.next().value) driver.restart(each.partition);
              }
            for (let partition = 0; partition < PARTITIONS; partition++) {
              expect(interrupted.sums(partition)).toEqual(uninterrupted.sums(partition));
              expect(interrupted.totals(partition)).toEqual(uninterrupted.totals(partition));
            }
          },
        ),
      );
    },
  );

  test('needs only the newest total of each user, as compaction leaves it', () => {
    const driver = new TopologyDriver({ partitions: 1 });
    for (const userId of ['a', 'b', 'a']) driver.read(0, click(userId));
    driver.commit();
    expect(driver.sums(0)).toMatchObject({ clicks: 3, users: 2 });
    driver.restart(0, { compacted: true });
    expect(driver.sums(0)).toMatchObject({ clicks: 3, users: 2 });
  });

  test('forgets a user whose total was deleted', () => {
    const driver = new TopologyDriver({ partitions: 1 });
    for (const userId of ['a', 'b', 'a']) driver.read(0, click(userId));
    driver.tombstone(0, 'a');
    driver.commit();
    expect(() => {
      driver.restart(0);
    }).toThrow(/restored .*"clicks":1,"users":1.* instead of .*"clicks":3,"users":2/);
  });

  test('throws on a total that does not decode, instead of counting on without it', () => {
    const driver = new TopologyDriver({ partitions: 1 });
    driver.read(0, click('a'));
    driver.commit();
    driver.corrupt(0, 'a');
    expect(() => {
      driver.restart(0);
    }).toThrow(UnreadableResultError);
  });
});

describe('every record', () => {
  /** Records of every kind, click or not. */
  const records = fc.array(
    fc.record({
      partition: fc.nat(PARTITIONS - 1),
      key: fc.option(fc.uint8Array({ maxLength: 8 }).map((bytes) => Buffer.from(bytes))),
      value: fc.option(
        fc.oneof(
          userIds.map((userId) => Buffer.from(click(userId).value)),
          fc.constantFrom('a', 'b').map((userId) => Buffer.from(`User ${userId} clicked on /x at 1.5`)),
          fc.json().map((json) => Buffer.from(json)),
          fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
        ),
      ),
      headers: fc.array(
        fc.tuple(
          fc.oneof(fc.string({ maxLength: 5 }), fc.constantFrom('__proto__', 'schema-version', '1')),
          fc.oneof(
            fc.uint8Array({ maxLength: 4 }).map((bytes) => Buffer.from(bytes)),
            fc.constant(Buffer.from('1')),
          ),
        ),
        { maxLength: 3 },
      ),
    }),
    { maxLength: 40 },
  );

  test('has exactly one verdict, and one output of its kind', () => {
    fc.assert(
      fc.property(records, (list) => {
        const driver = new TopologyDriver({ partitions: PARTITIONS });
        const count = (verdict: string) => driver.verdicts.filter((each) => each === verdict).length;
        for (const { partition, ...record } of list) driver.read(partition, record);
        expect(driver.verdicts).toHaveLength(list.length);
        const forwarded = count('forwarded');
        driver.deliver();
        expect(driver.verdicts).toHaveLength(list.length + forwarded);
        expect(count('forwarded')).toBe(forwarded);
        expect(count('counted')).toBe(driver.totals().length);
        expect(count('rejected')).toBe(driver.deadLetters().length);
      }),
    );
  });

  test('that is rejected is in the dead letters with its bytes untouched and its origin', () => {
    fc.assert(
      fc.property(records, (list) => {
        const driver = new TopologyDriver({ partitions: PARTITIONS });
        const rejected = list.flatMap(({ partition, ...record }, index) => {
          const offset = list.slice(0, index).filter((each) => each.partition === partition).length;
          const verdict = driver.read(partition, { ...record, timestampMs: index });
          return verdict === 'rejected' ? [{ ...record, partition, offset: BigInt(offset), index }] : [];
        });
        const letters = driver.deadLetters().toSorted((a, b) => a.timestampMs - b.timestampMs);
        expect(letters).toHaveLength(rejected.length);
        for (const [at, { partition, offset, key, value, headers, index }] of rejected.entries()) {
          expect(letters[at]).toMatchObject({
            topic: CLICKS,
            partition,
            offset,
            timestampMs: index,
            key,
            value,
          });
          expect(byName(letters[at]!.headers)).toEqual(byName(headers));
        }
      }),
    );
  });
});

describe('a click is rejected', () => {
  test.each([
    ['no value', { value: null }, 'malformed', /no value/],
    ['no click', { value: 'hello' }, 'malformed', /first byte/],
    ['no event id', { value: '{"userId":"42","url":"/","timestamp":1}' }, 'malformed', /eventId/],
    [
      'a user id of 10 KB',
      { value: `User ${'x'.repeat(10_000)} clicked on / at 1` },
      'malformed',
      new RegExp(`at most ${CLICK_EVENT_LIMITS.userIdLength.max}`),
    ],
    ['invalid UTF-8', { value: Buffer.from('User \xff clicked on / at 1', 'latin1') }, 'malformed', /UTF-8/],
    [
      'another schema version',
      { ...click('42'), headers: [['schema-version', '2']] },
      'unsupported-version',
      /version/,
    ],
    [
      '800 KB and more',
      { value: `User 42 clicked on /${'x'.repeat(CLICK_RECORD_LIMIT_BYTES)} at 1` },
      'too-large',
      /limit/,
    ],
    [
      '800 KB and more with its headers',
      { ...click('42'), headers: [['padding', 'x'.repeat(CLICK_RECORD_LIMIT_BYTES)]] },
      'too-large',
      /limit/,
    ],
  ] as const)('with %s', (_, record, reason, detail) => {
    const driver = new TopologyDriver({ partitions: 1 });
    expect(driver.read(0, { key: 'as received', ...record })).toBe('rejected');
    const [letter, ...others] = driver.deadLetters();
    expect(others).toEqual([]);
    expect(letter).toMatchObject({ reason, detail: expect.stringMatching(detail) as string, offset: 0n });
    expect(driver.totals()).toEqual([]);
  });

  test('with as much of it as fits when it is too large, and its size', () => {
    const driver = new TopologyDriver({ partitions: 1 });
    const value = Buffer.from(`User 42 clicked on /${'x'.repeat(2_000_000)} at 1`);
    driver.read(0, { key: '42', value });
    const [letter] = driver.deadLetters();
    expect(letter).toMatchObject({ reason: 'too-large', originalSizeBytes: value.length + 2 });
    expect(value.subarray(0, letter!.value!.length).equals(letter!.value!)).toBe(true);
    expect(letter!.value!.length).toBeGreaterThan(DEAD_LETTER_LIMIT_BYTES - 2_000);
  });

  test('before it is forwarded, so that a forwarded click always fits', () => {
    const driver = new TopologyDriver({ partitions: PARTITIONS });
    for (let partition = 0; partition < PARTITIONS; partition++)
      expect(
        driver.read(partition, { value: `User 42 clicked on /${'x'.repeat(CLICK_RECORD_LIMIT_BYTES)} at 1` }),
      ).toBe('rejected');
  });
});

describe('a forwarded click', () => {
  const driver = () => new TopologyDriver({ partitions: PARTITIONS });
  const away = (userId: string) => (driver().homeOf(userId) + 1) % PARTITIONS;

  test('is one that is not at home, whatever its key says; its key becomes the user id', () => {
    const topology = driver();
    expect(topology.read(away('42'), { key: 'another', ...click('42') })).toBe('forwarded');
    expect(topology.read(topology.homeOf('42'), { key: 'another', ...click('42') })).toBe('counted');
    topology.deliver();
    expect(topology.totals(topology.homeOf('42')).map(({ clicks }) => clicks)).toEqual([1, 2]);
    expect(topology.totals()).toHaveLength(2);
  });

  test('is never forwarded again: not at home there, it is misrouted', () => {
    const topology = driver();
    expect(topology.receive(away('42'), click('42'), ORIGIN)).toBe('rejected');
    expect(topology.deadLetters()).toMatchObject([{ reason: 'misrouted', ...ORIGIN }]);
  });

  test('that is late has a dead letter with the key and the headers that it had', () => {
    const topology = new TopologyDriver({ partitions: PARTITIONS, graceMs: 10_000 });
    const home = topology.homeOf('42');
    const value = (seconds: number) => `User 42 clicked on /page3 at ${seconds}`;
    topology.read(home, { timestampMs: 9_000_000, value: value(9_000) });
    const [name, header] = ['from', Buffer.from('a shop')];
    topology.read(away('42'), {
      timestampMs: 9_000_000,
      key: null,
      value: value(1),
      headers: [[name, header]],
    });
    topology.deliver();
    const letters = topology.deadLetters();
    expect(letters.map(({ reason }) => reason)).toEqual(['late', 'session-late']);
    for (const letter of letters)
      expect(letter).toMatchObject({ key: null, partition: away('42'), headers: [[name, header]] });
  });

  test('that does not say where it came from was not forwarded by us, so it is misrouted', () => {
    const topology = driver();
    const home = topology.homeOf('42');
    expect(topology.receive(home, click('42'), 'unknown')).toBe('rejected');
    topology.read(home, click('42'));
    expect(topology.receive(home, click('42'), 'unknown')).toBe('rejected');
    expect(topology.deadLetters().map(({ reason }) => reason)).toEqual(['misrouted', 'misrouted']);
    expect(topology.newestTotals().get('42')?.clicks).toBe(1);
  });
});

function byName(headers: readonly (readonly [string, Buffer])[]) {
  const names = [...new Set(headers.map(([name]) => name))].sort();
  return names.map((name) => [
    name,
    headers.filter(([given]) => given === name).map(([, value]) => value.toString('hex')),
  ]);
}
