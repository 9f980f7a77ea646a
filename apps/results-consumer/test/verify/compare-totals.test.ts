import { homePartition } from '@clickstream/kafka-client';
import { describe, expect, it } from 'vitest';
import { checkSums } from '../../src/verify/check-sums.ts';
import { compareTotals } from '../../src/verify/compare-totals.ts';
import { Findings } from '../../src/verify/findings.ts';
import type { Task } from '../../src/verify/take-cut.ts';
import { Tallies } from '../../src/verify/tallies.ts';

const TOPIC = 'totals';
const END = 100;
const PARTITIONS = 2;

/** The n-th user at home in a partition. */
function userOf(partition: number, n: number): string {
  const users = Array.from({ length: 100 }, (_, index) => `user-${index}`);
  return users.filter((userId) => homePartition(Buffer.from(userId), PARTITIONS) === partition)[n]!;
}

interface Situation {
  /** Of each user of partition 0: read below the cut, recounted, and read last. */
  readonly totals: readonly (readonly [published: number, recounted: number, newest: number])[];
  /** What the checkpoint says of all of them. */
  readonly sums: { readonly clicks: number; readonly users: number };
  readonly isCompacted: boolean;
  /** Whether all clicks are left. */
  readonly isWhole?: boolean;
}

/** What is found out about it; in partition 1 is one user, about whom everything is right. */
function compare({ totals, sums, isCompacted, isWhole = true }: Situation) {
  const tallies = new Tallies(PARTITIONS);
  for (const [n, [published, recounted, newest]] of totals.entries())
    Object.assign(tallies.of(userOf(0, n)), { published, recounted, newest });
  Object.assign(tallies.of(userOf(1, 0)), { published: 3, recounted: 3, newest: 5 });
  const found = totals.filter(([published]) => published > 0);
  const read = [
    {
      clicks: found.reduce((sum, [published]) => sum + published, 0),
      users: found.length,
      end: 120,
      isCompacted,
    },
    { clicks: 3, users: 1, end: 120, isCompacted: false },
  ];
  const cut = [sums, { clicks: 3, users: 1 }].map((expected, partition): Task => ({
    partition,
    committedAt: 0,
    sequence: 1,
    partitions: PARTITIONS,
    position: 0,
    lossAccepted: { input: undefined, forwards: undefined },
    marks: new Map(),
    receivedFrom: new Map(),
    resultEnds: new Map([[TOPIC, END]]),
    books: { read: 0, counted: 0, duplicate: 0, rejected: 0, forwarded: 0, received: 0 },
    sums: expected,
  }));
  const problems = new Findings();
  const gaps = new Findings();
  const whole = [true, true];
  const wholeness = { input: [isWhole, true], forwards: whole, received: whole, letters: whole };
  const { removed } = compareTotals(tallies, wholeness, read, problems, gaps);
  checkSums(TOPIC, cut, read, removed, problems, gaps);
  const brief = ({ list }: Findings) => list.map(({ check, partition }) => `${check} ${partition}`);
  return { problems: brief(problems), gaps: brief(gaps) };
}

describe('a total that is lower than the clicks say', () => {
  it.each<[what: string, Situation, problems: string[], gaps: string[]]>([
    [
      'is explained by compaction if there is a later one that is greater',
      {
        totals: [
          [0, 5, 6],
          [2, 4, 9],
          [7, 7, 8],
        ],
        sums: { clicks: 16, users: 3 },
        isCompacted: true,
      },
      [],
      ['totals 0'],
    ],
    [
      'is not, if nothing was compacted',
      { totals: [[2, 4, 9]], sums: { clicks: 2, users: 1 }, isCompacted: false },
      ['totals 0'],
      [],
    ],
    [
      'is not, if the later one is not greater than it should have been',
      { totals: [[2, 4, 4]], sums: { clicks: 4, users: 1 }, isCompacted: true },
      ['totals 0', 'sums 0'],
      ['totals 0'],
    ],
    [
      'is not, if there is no later one',
      {
        totals: [
          [2, 4, 2],
          [0, 1, 2],
        ],
        sums: { clicks: 5, users: 2 },
        isCompacted: true,
      },
      ['totals 0', 'sums 0'],
      ['totals 0'],
    ],
    [
      'is explained no better than the checkpoint knows of it',
      { totals: [[2, 4, 9]], sums: { clicks: 3, users: 1 }, isCompacted: true },
      ['sums 0'],
      ['totals 0'],
    ],
    [
      'may be so of users whose clicks are gone, as far as the checkpoint knows of more',
      {
        totals: [
          [2, 4, 9],
          [6, 5, 8],
        ],
        sums: { clicks: 14, users: 3 },
        isCompacted: true,
        isWhole: false,
      },
      [],
      ['totals 0'],
    ],
    [
      'leaves no room for totals that are too high, though',
      {
        totals: [
          [2, 4, 9],
          [6, 5, 8],
        ],
        sums: { clicks: 9, users: 2 },
        isCompacted: true,
        isWhole: false,
      },
      ['sums 0'],
      ['totals 0'],
    ],
    [
      'does not hide that another one is too high',
      {
        totals: [
          [2, 4, 9],
          [6, 5, 8],
        ],
        sums: { clicks: 9, users: 2 },
        isCompacted: true,
      },
      ['totals 0', 'sums 0'],
      ['totals 0'],
    ],
  ])('%s', (_, situation, problems, gaps) => {
    expect(compare(situation)).toEqual({ problems, gaps });
  });
});
