import { setTimeout as delay } from 'node:timers/promises';
import { homePartition, type OutgoingRecord } from '@clickstream/kafka-client';
import { encodeClickEvent, type ClickEvent } from '@clickstream/schema';
import { keepDoing } from './keep-doing.ts';
import type { RandomSource } from './random-source.ts';
import type { TestTopics } from './test-topics.ts';

/** What was written, and what has to come of it. */
export interface LoadAnswer {
  /** Clicks that each user must have in the end: one more for every click that was acknowledged. */
  readonly answer: ReadonlyMap<string, number>;
  /** Records acknowledged that are no clicks. */
  readonly malformed: number;
  /** Clicks by user, and records in all, that may or may not be written: writing them failed. */
  readonly uncertain: { readonly clicks: ReadonlyMap<string, number>; readonly records: number };
  /** Records acknowledged that repeat a click, which does not count again. */
  readonly repeated: number;
  /** Records acknowledged. */
  readonly written: number;
}

/** Clicks with a known answer. */
export interface ClickLoad extends LoadAnswer {
  /** Offsets of clicks in {@link UNFORWARDED_PARTITION} that nobody may call late: not late on purpose, and acknowledged at once. */
  readonly punctual: ReadonlySet<bigint>;
  /** Writes a click as JSON, keyed by its user and so at home. */
  writeEvent(event: ClickEvent): Promise<void>;
  /** Writes one that is no click. */
  writeMalformed(record: OutgoingRecord): Promise<void>;
  /** Lets somebody else write so many that are no clicks. */
  writeMalformedBy(records: number, writer: () => Promise<void>): Promise<void>;
  /** Writes a click of this user. */
  writeClick(userId: string, record: OutgoingRecord): Promise<void>;
  /** Writes one that repeats a click. */
  writeRepetition(record: OutgoingRecord): Promise<void>;
  /** Writes this many records more, and resolves when all are acknowledged, or uncertain. */
  write(records: number): Promise<void>;
  /** Writes on and on, about this many a second, until the function that it returns has resolved. */
  keepWriting(perSecond: number): () => Promise<void>;
}

/** All clicks of the users who are at home here lie here: none that is counted here has been forwarded, and come late by that. */
export const UNFORWARDED_PARTITION = 0;

const TICK_MS = 20;
/** Whoever waits longer for the acknowledgement cannot tell when the click came to be read. */
const AT_ONCE_MS = 1_500;
const START_MS = 1_700_000_000_000;
/** A click is repeated so soon, by records as by time: who remembers ids for minutes is sure to know it. */
const REPEATED_WITHIN_MS = 5_000;
const REPEATABLE = 500;

export interface ClickLoadOptions {
  /** Default 40. */
  readonly users?: number;
  /** Makes each URL so long. */
  readonly urlBytes?: number;
  /** Event time of the click with this number, ms since the epoch. By default each is 1 ms after the one before. */
  readonly eventTime?: (number: number) => number;
  /** Places every click at home, so that nothing but event time decides what becomes of it. */
  readonly isAtHome?: boolean;
  /** Lets some of the clicks be behind the others' event time, by one of these. */
  readonly late?: { readonly oneOf: number; readonly byMs: readonly number[] };
  /** One of so many clicks repeats one of the last few seconds, with its event id and in the same partition. */
  readonly repeatedOneOf?: number;
}

/** A click that was acknowledged, to be repeated. */
interface Repeatable {
  readonly record: OutgoingRecord;
  readonly sentAt: number;
}

/**
 * Clicks of `users` users in both forms: unless told otherwise half of them at home, a quarter without key and anywhere, a
 * quarter with key and placed wrongly on purpose; one of 50 records is no click. What repeats a click repeats one that was
 * acknowledged, in the same partition, so that it is certain which of both counts. All clicks of users whose home is
 * {@link UNFORWARDED_PARTITION} are there.
 */
export function createClickLoad(
  topics: TestTopics,
  random: RandomSource,
  {
    users = 40,
    urlBytes = 0,
    eventTime = (number) => START_MS + number,
    isAtHome = false,
    late,
    repeatedOneOf,
  }: ClickLoadOptions = {},
): ClickLoad {
  const answer = new Map<string, number>();
  let malformed = 0;
  let repeated = 0;
  let written = 0;
  const punctual = new Set<bigint>();
  /** The newest of them last. */
  const repeatable: Repeatable[] = [];
  const uncertain = { clicks: new Map<string, number>(), records: 0 };
  let serial = 0;

  const send = async (record: OutgoingRecord) => {
    try {
      return await topics.producer.send(record);
    } catch {
      uncertain.records++;
      return undefined;
    }
  };
  const isWritten = async (record: OutgoingRecord) => (await send(record)) !== undefined;
  const place = (key: Buffer, value: Buffer, home: number): OutgoingRecord => {
    const { clicks: topic, partitions } = topics;
    const placement = isAtHome ? 0 : random.below(4);
    if (placement < 2 || home === UNFORWARDED_PARTITION) return { topic, key, value };
    if (placement === 2) return { topic, key: null, value, partition: random.below(partitions) };
    return { topic, key, value, partition: (home + 1) % partitions };
  };
  const writeRepetition = async (record: OutgoingRecord) => {
    if (!(await isWritten(record))) return;
    repeated++;
    written++;
  };
  const writeOne = async () => {
    const { clicks: topic } = topics;
    if (repeatedOneOf !== undefined && random.below(repeatedOneOf) === 0) {
      const one = repeatable[random.below(repeatable.length)];
      if (one && performance.now() - one.sentAt < REPEATED_WITHIN_MS) {
        await writeRepetition(one.record);
        return;
      }
    }
    const number = serial++;
    if (random.below(50) === 0) {
      if (!(await isWritten({ topic, key: null, value: Buffer.from(`no click ${number}`) }))) return;
      malformed++;
    } else {
      const userId = `${topics.id}-${random.below(users)}`;
      const key = Buffer.from(userId);
      const isLate = late !== undefined && random.below(late.oneOf) === 0;
      const lateByMs = isLate ? (late.byMs[random.below(late.byMs.length)] ?? 0) : 0;
      const event = {
        eventId: `e-${number}`,
        userId,
        url: `/page${random.below(9)}`.padEnd(urlBytes, 'x'),
        timestamp: eventTime(number) - lateByMs,
      };
      const form = random.below(2) === 0 ? 'json' : 'sentence';
      const value = Buffer.from(encodeClickEvent(event, form));
      const sentAt = performance.now();
      const home = homePartition(key, topics.partitions);
      const record = place(key, value, home);
      const placed = await send(record);
      if (!placed) {
        uncertain.clicks.set(userId, (uncertain.clicks.get(userId) ?? 0) + 1);
        return;
      }
      const isAtOnce = performance.now() - sentAt < AT_ONCE_MS;
      const isPunctual = home === UNFORWARDED_PARTITION && isAtOnce && !isLate;
      // Of what was sent again it may not be known where it is.
      if (isPunctual && placed.offset >= 0n) punctual.add(placed.offset);
      answer.set(userId, (answer.get(userId) ?? 0) + 1);
      // A sentence has no event id: sent again, it is another click.
      if (repeatedOneOf !== undefined && form === 'json') {
        repeatable.push({ record, sentAt });
        if (repeatable.length > REPEATABLE) repeatable.shift();
      }
    }
    written++;
  };
  const writeClick = async (userId: string, record: OutgoingRecord) => {
    if (!(await isWritten(record))) return;
    answer.set(userId, (answer.get(userId) ?? 0) + 1);
    written++;
  };
  const write = async (records: number) => {
    await Promise.all(Array.from({ length: records }, writeOne));
  };
  return {
    answer,
    uncertain,
    punctual,
    get malformed() {
      return malformed;
    },
    get repeated() {
      return repeated;
    },
    get written() {
      return written;
    },
    writeMalformed: async (record) => {
      if (!(await isWritten(record))) return;
      malformed++;
      written++;
    },
    writeMalformedBy: async (records, writer) => {
      await writer();
      malformed += records;
      written += records;
    },
    writeClick,
    writeEvent: (event) => {
      const { userId } = event;
      const value = Buffer.from(JSON.stringify(event));
      return writeClick(userId, { topic: topics.clicks, key: Buffer.from(userId), value });
    },
    writeRepetition,
    write,
    keepWriting: (perSecond) =>
      keepDoing(async (signal) => {
        while (!signal.aborted)
          await Promise.all([write(Math.ceil((perSecond * TICK_MS) / 1000)), delay(TICK_MS)]);
      }),
  };
}
