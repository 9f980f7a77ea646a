import { byId, element } from '../element.ts';
import { READING } from '../loading.ts';
import { countOf, countText } from '../text/count-text.ts';
import { booksAccount, type BooksAccount } from '../state/books-account.ts';
import type { DashboardState } from '../state/dashboard-state.ts';
import type { Part } from './part.ts';

/** Whether every click that was read is accounted for, as one line. */
export function createBooksLine(): Part {
  const place = byId('books', HTMLElement);
  let shown = '';
  return {
    show: ({ overview: { books, ready } }: DashboardState) => {
      const now = JSON.stringify([books, ready]);
      if (now === shown) return;
      shown = now;
      const account = booksAccount(books);
      if (account.state === 'none') {
        place.replaceChildren(
          element(
            'p',
            'empty',
            ready ? 'Nothing is counted yet; the books begin with the first clicks.' : READING,
          ),
        );
        return;
      }
      place.replaceChildren(
        element('p', 'books-line', verdictOf(account), ' ', element('span', '', lineOf(account))),
      );
      if (books.problems.length > 0)
        place.append(
          element('ul', 'problems', ...books.problems.map((problem) => element('li', '', problem))),
        );
    },
  };
}

function verdictOf({ state }: BooksAccount): HTMLElement {
  if (state === 'wrong') return element('strong', 'verdict bad', '✗ No, the books do not balance');
  if (state === 'balance') return element('strong', 'verdict good', '✓ Yes, the books balance');
  const verdict = element('strong', 'verdict settling', '… Settling');
  verdict.title = 'What the partitions wrote down is of different moments: it adds up in a few seconds.';
  return verdict;
}

function lineOf({ read, parts, addsUp }: BooksAccount): string {
  const sum = parts.map(({ count, what }) => `${countText(count)} ${what}`).join(' + ');
  return `${countOf(read, 'click')} read ${addsUp ? '=' : '≠'} ${sum}`;
}
