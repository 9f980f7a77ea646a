import { expect, test } from 'vitest';
import type { BooksView } from '../../src/core/views/books.ts';
import { booksAccount } from '../../web/state/books-account.ts';

const books = (view: Partial<BooksView>): BooksView => ({
  ...{
    partitions: 2,
    read: 0,
    forwarded: 0,
    received: 0,
    inFlight: 0,
    counted: 0,
    duplicate: 0,
    rejected: 0,
  },
  ...{ balances: true, problems: [] },
  ...view,
});

test('balances when the numbers shown add up', () => {
  const account = booksAccount(books({ read: 10, counted: 6, duplicate: 1, rejected: 1, inFlight: 2 }));
  expect(account).toMatchObject({ state: 'balance', addsUp: true, read: 10 });
  expect(account.parts.map(({ count }) => count)).toEqual([6, 1, 1, 2]);
});

test('settles while a partition has counted what another one has not yet said that it sent', () => {
  expect(booksAccount(books({ read: 9, counted: 10, received: 1 }))).toMatchObject({
    state: 'settling',
    addsUp: false,
  });
});

test('is wrong when an equation does not hold, though the sums may agree', () => {
  const wrong = books({ read: 10, counted: 10, balances: false, problems: ['partition 0: …'] });
  expect(booksAccount(wrong)).toMatchObject({ state: 'wrong', addsUp: true });
  expect(booksAccount({ ...wrong, read: 12 })).toMatchObject({ state: 'wrong', addsUp: false });
});

test('says nothing without a checkpoint', () => {
  expect(booksAccount(books({ balances: null })).state).toBe('none');
});
