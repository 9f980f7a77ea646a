import type { BooksView } from '../../src/core/views/books.ts';

/** What became of the clicks that were read, in numbers that are shown and can be added up. */
export interface BooksAccount {
  /** `settling`: it does not add up because the partitions' checkpoints are of different moments. */
  readonly state: 'none' | 'balance' | 'settling' | 'wrong';
  readonly read: number;
  readonly parts: readonly { readonly count: number; readonly what: string }[];
  /** Whether the parts that are shown make up what was read. */
  readonly addsUp: boolean;
}

/** The account of the books, judged by what it shows. */
export function booksAccount(books: BooksView): BooksAccount {
  const { read, counted, duplicate, rejected, inFlight, balances } = books;
  const parts = [
    { count: counted, what: 'counted' },
    { count: duplicate, what: 'repeats, not counted again' },
    { count: rejected, what: 'rejected (in dead letters)' },
    ...(inFlight > 0 ? [{ count: inFlight, what: 'on the way between partitions' }] : []),
  ];
  const addsUp = read === parts.reduce((sum, { count }) => sum + count, 0);
  const state = balances === null ? 'none' : !balances ? 'wrong' : addsUp ? 'balance' : 'settling';
  return { state, read, parts, addsUp };
}
