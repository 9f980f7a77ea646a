import { byId, element } from '../element.ts';
import { countText } from '../text/count-text.ts';
import type { DashboardState } from '../state/dashboard-state.ts';
import type { Part } from './part.ts';

/** Whether every click that was read is accounted for, as one line. */
export function createBooksLine(): Part {
  const place = byId('books', HTMLElement);
  let shown = '';
  return {
    show: ({ overview: { books } }: DashboardState) => {
      const now = JSON.stringify(books);
      if (now === shown) return;
      shown = now;
      if (books.balances === null) {
        place.replaceChildren(
          element('p', 'empty', 'Nothing is written down yet; the aggregator does so with its first clicks.'),
        );
        return;
      }
      const { read, counted, duplicate, rejected, inFlight } = books;
      const verdict = element(
        'strong',
        books.balances ? 'verdict good' : 'verdict bad',
        books.balances ? '✓ They balance' : '✗ They do not balance',
      );
      const parts = [
        `${countText(counted)} counted`,
        `${countText(duplicate)} duplicate`,
        `${countText(rejected)} rejected`,
        ...(inFlight > 0 ? [`${countText(inFlight)} on their way`] : []),
      ];
      const line = element('p', 'books-line', verdict, ' ');
      line.append(
        element(
          'span',
          '',
          `${countText(read)} clicks read ${books.balances ? '=' : '≠'} ${parts.join(' + ')}`,
        ),
      );
      if (books.balances) line.append(' ', element('span', 'note', 'every click is accounted for'));
      place.replaceChildren(line);
      if (books.problems.length > 0)
        place.append(
          element('ul', 'problems', ...books.problems.map((problem) => element('li', '', problem))),
        );
    },
  };
}
