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
  bounds.learn(10_000, 1);
  expect(bounds.areReached(499, 4 * MB - 1)).toBe(false);
  expect(bounds.areReached(500, 0)).toBe(true);
  expect(bounds.areReached(0, 4 * MB)).toBe(true);
  // Neither quick nor slow.
  bounds.learn(3_000, 1);
  expect(bounds.areReached(500, 0)).toBe(true);
  for (let failed = 0; failed < 9; failed++) bounds.learn(30_000, 1);
  expect(bounds.areReached(16, 0)).toBe(true);
  expect(bounds.areReached(0, MB / 8)).toBe(true);
  expect(bounds.areReached(15, MB / 8 - 1)).toBe(false);
  for (let quick = 0; quick < 20; quick++) bounds.learn(20, 1);
  expect(bounds.areReached(999, 8 * MB - 1)).toBe(false);
  expect(bounds.areReached(1_000, 0)).toBe(true);

  const single = new TransactionBounds(2);
  single.learn(30_000, 1);
  expect(single.areReached(0, 0)).toBe(false);
  expect(single.areReached(1, 0)).toBe(true);
});

/** What full transactions come to in the end, where each takes some time and each record some more. */
function recordsInTheEnd(bounds: TransactionBounds, msEach: number, msPerRecord: number): number {
  let records = 0;
  for (let transaction = 0; transaction < 200; transaction++) {
    records = 0;
    while (!bounds.areReached(records, 0)) records++;
    bounds.learn(msEach + records * msPerRecord, bounds.fillOf(records, 0));
  }
  return records;
}

test('transactions grow back to the bound where even a small one takes a second or two', () => {
  const bounds = new TransactionBounds(1_000);
  for (let stalled = 0; stalled < 9; stalled++) bounds.learn(30_000, 1);
  expect(recordsInTheEnd(bounds, 2_000, 0.1)).toBe(1_000);
});

test('transactions settle where full ones take seconds, and small ones between them change nothing', () => {
  const bounds = new TransactionBounds(1_000);
  const settled = recordsInTheEnd(bounds, 0, 20);
  expect(settled * 20).toBeGreaterThan(2_000);
  expect(settled * 20).toBeLessThanOrEqual(5_000);
  for (let small = 0; small < 100; small++) bounds.learn(5, bounds.fillOf(1, 100));
  for (let small = 0; small < 100; small++) bounds.learn(30_000, bounds.fillOf(1, 100));
  expect(bounds.areReached(settled - 1, 0)).toBe(false);
  expect(bounds.areReached(settled, 0)).toBe(true);
});
