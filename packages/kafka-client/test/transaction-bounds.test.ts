import { expect, test } from 'vitest';
import { TransactionBounds } from '../src/transaction-bounds.ts';

const MB = 1024 * 1024;

test('a transaction ends at so many records, or at 8 MB', () => {
  const bounds = new TransactionBounds(50_000);
  expect(bounds.areReached(49_999, 8 * MB - 1)).toBe(false);
  expect(bounds.areReached(50_000, 0)).toBe(true);
  expect(bounds.areReached(1, 8 * MB)).toBe(true);
});

test('transactions are made smaller where they take long, down to one record, and larger again where they do not', () => {
  const bounds = new TransactionBounds(1_000);
  bounds.learn(10_000);
  expect(bounds.areReached(499, 4 * MB - 1)).toBe(false);
  expect(bounds.areReached(500, 0)).toBe(true);
  expect(bounds.areReached(0, 4 * MB)).toBe(true);
  // Neither quick nor slow.
  bounds.learn(3_000);
  expect(bounds.areReached(500, 0)).toBe(true);
  for (let failed = 0; failed < 9; failed++) bounds.learn(30_000);
  expect(bounds.areReached(16, 0)).toBe(true);
  expect(bounds.areReached(0, MB / 8)).toBe(true);
  expect(bounds.areReached(15, MB / 8 - 1)).toBe(false);
  for (let quick = 0; quick < 6; quick++) bounds.learn(20);
  expect(bounds.areReached(999, 8 * MB - 1)).toBe(false);
  expect(bounds.areReached(1_000, 0)).toBe(true);

  const single = new TransactionBounds(2);
  single.learn(30_000);
  expect(single.areReached(0, 0)).toBe(false);
  expect(single.areReached(1, 0)).toBe(true);
});
