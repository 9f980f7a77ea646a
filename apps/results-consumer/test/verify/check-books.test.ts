import { describe, expect, it } from 'vitest';
import { checkBooks } from '../../src/verify/check-books.ts';
import { Findings } from '../../src/verify/findings.ts';
import {
  EMPTY_RECOUNT,
  type LogBounds,
  type PartitionRecount,
  type ReceivedClicks,
} from '../../src/verify/recount-clicks.ts';
import type { Task } from '../../src/verify/take-cut.ts';

const NO_BOOKS = { read: 0, counted: 0, duplicate: 0, rejected: 0, forwarded: 0, received: 0 };

/** Where two clicks stand in partition 0 for users at home in partition 1: the second one was forwarded after the cut of partition 0. */
interface Situation {
  readonly origin?: Partial<Task>;
  /** Where the log of partition 0 begins. */
  readonly start?: number;
  /** What is left there for partition 1, below its mark. */
  readonly left?: ReceivedClicks;
  /** As the checkpoint of partition 1 says; undefined for one that does not tell pairs apart. */
  readonly receivedFrom?: ReadonlyMap<number, number> | undefined;
  readonly received?: number;
  readonly mark?: number;
}

const ORIGIN: Partial<Task> = { position: 50, books: { ...NO_BOOKS, read: 1, forwarded: 1 } };

function check(situation: Situation) {
  const {
    origin = ORIGIN,
    start = 0,
    left = { clicks: 2, lastOffset: 90 },
    received = 2,
    mark = 91,
  } = situation;
  const task = (partition: number, more: Partial<Task>): Task => ({
    partition,
    committedAt: 0,
    sequence: 1,
    partitions: 2,
    position: 0,
    lossAccepted: { input: undefined, forwards: undefined },
    marks: new Map(),
    receivedFrom: new Map(),
    resultEnds: new Map(),
    books: NO_BOOKS,
    sums: { clicks: 0, users: 0 },
    ...more,
  });
  const home = task(1, {
    marks: new Map(mark > 0 ? [[0, mark]] : []),
    receivedFrom: 'receivedFrom' in situation ? situation.receivedFrom : new Map([[0, received]]),
    books: { ...NO_BOOKS, received, counted: received },
    sums: { clicks: received, users: 1 },
  });
  const readOfOrigin = start === 0 ? (origin.books?.read ?? 0) : 0;
  const recounts: PartitionRecount[] = [
    {
      ...EMPTY_RECOUNT,
      read: readOfOrigin,
      forwarded: readOfOrigin,
      received: new Map(left.clicks > 0 ? [[1, left]] : []),
    },
    EMPTY_RECOUNT,
  ];
  const bounds: LogBounds[] = [
    { start, end: 100 },
    { start: 0, end: 0 },
  ];
  const problems = new Findings();
  const gaps = new Findings();
  const evidence = { cut: [task(0, origin), home], bounds, letters: [], recounts };
  const { forwards } = checkBooks(evidence, problems, gaps);
  const brief = ({ list }: Findings) => list.map(({ check: name, text }) => `${name}: ${text}`);
  return { forwards, problems: brief(problems), gaps: brief(gaps) };
}

describe('clicks received from another partition', () => {
  it('are those that stand there below the mark, also behind the cut of that partition', () => {
    expect(check({})).toEqual({ forwards: [true, true], problems: [], gaps: [] });
  });

  it('are too many, or too few', () => {
    const says = (found: number) =>
      `books: clicks received from partition 0 in partition 1: expected 2, found ${found} (checkpoint 1)`;
    for (const found of [1, 3]) expect(check({ received: found }).problems).toContain(says(found));
  });

  it('are compared by their sums where the checkpoint does not tell pairs apart', () => {
    expect(check({ receivedFrom: undefined }).problems).toEqual([]);
    expect(check({ receivedFrom: undefined, received: 3 }).problems).toEqual([
      'books: clicks received from other partitions in partition 1: expected 2, found 3 (checkpoint 1)',
    ]);
  });

  it('may be more than are left where retention has overtaken the cut, which is said', () => {
    const overtaken = {
      origin: { position: 50 },
      start: 80,
      left: { clicks: 1, lastOffset: 90 },
    };
    const { forwards, problems, gaps } = check(overtaken);
    expect({ forwards, problems }).toEqual({ forwards: [false, true], problems: [] });
    expect(gaps).toEqual([
      'totals: the clicks of partition 0 begin at offset 80, and others have received some from offset 50 on that are gone: totals can only be checked not to be too low',
    ]);
    expect(check({ ...overtaken, received: 0 }).problems).toContain(
      'books: clicks received from partition 0 in partition 1: expected at least 1, found 0 (checkpoint 1)',
    );
  });

  it('are known where a partition was emptied before anything of it was read', () => {
    const quiet = {
      origin: { sequence: 0 },
      start: 100,
      left: { clicks: 0, lastOffset: 0 },
      received: 0,
      mark: 0,
    };
    expect(check(quiet)).toEqual({ forwards: [true, true], problems: [], gaps: [] });
  });
});
