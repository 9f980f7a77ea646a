import type { TaskProcessor } from '@clickstream/kafka-client';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { logBooks } from '../src/log-books.ts';

const BALANCED = {
  read: 10,
  received: 2,
  counted: 7,
  duplicate: 1,
  rejected: 1,
  forwarded: 3,
  windowed: 6,
  late: 1,
  sessioned: 7,
  sessionLate: 0,
};

let tasks: { books: typeof BALANCED; memory: Record<string, number> }[];
let lines: string[];
let end: () => void;

beforeEach(() => {
  vi.useFakeTimers();
  tasks = [];
  lines = [];
  const line =
    (level: string) =>
    (...args: unknown[]) =>
      lines.push(`${level}: ${String(args.at(-1))}`);
  const log = { info: line('info'), warn: line('warn'), error: line('error') };
  end = logBooks({ tasks: () => tasks } as unknown as TaskProcessor, log as never);
});
afterEach(() => {
  end();
  vi.useRealTimers();
});

const aMinute = () => vi.advanceTimersByTime(60_000);

test('says nothing before there is a click, and nothing twice', () => {
  aMinute();
  expect(lines).toEqual([]);
  tasks = [{ books: BALANCED, memory: {} }];
  aMinute();
  aMinute();
  expect(lines).toHaveLength(1);
});

test('adds up all partitions', () => {
  tasks = [
    { books: BALANCED, memory: {} },
    { books: BALANCED, memory: {} },
  ];
  aMinute();
  expect(lines).toEqual([
    expect.stringMatching(/^info: the books balance: read 20, received 4, counted 14,/),
  ]);
});

test.each(['read', 'counted', 'windowed', 'sessioned'] as const)(
  'is an error where %s is one too many',
  (entry) => {
    tasks = [{ books: { ...BALANCED, [entry]: BALANCED[entry] + 1 }, memory: {} }];
    aMinute();
    expect(lines).toEqual([expect.stringMatching(/^error: the books do not balance: /)]);
  },
);

test('warns of ids that were forgotten early, once for each of them', () => {
  tasks = [{ books: BALANCED, memory: { idsForgottenEarly: 5 } }];
  aMinute();
  aMinute();
  expect(lines.filter((line) => line.startsWith('warn: 5 event ids were forgotten'))).toHaveLength(1);
});
