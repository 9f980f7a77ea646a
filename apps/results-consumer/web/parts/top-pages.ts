import { byId, setText } from '../element.ts';
import { clockText } from '../text/clock-text.ts';
import { countOf } from '../text/count-text.ts';
import type { Part } from './part.ts';
import { Ranking } from './ranking.ts';

/** The busiest pages of the current window. @param onChoose what choosing one does */
export function createTopPages(onChoose: (page: string) => void): Part {
  const note = byId('pages-window', HTMLElement);
  const ranking = new Ranking(byId('top-pages', HTMLElement), {
    label: 'Pages with the most clicks in the current window',
    columns: ['Page, its users', 'Clicks'],
    empty: 'No click has come into a window yet.',
    onChoose,
    chooseLabel: 'show its live clicks',
  });
  return {
    show: ({ pages }) => {
      const { windowStart, windowEnd, final, usersExact, clicks, totalPages } = pages;
      setText(
        note,
        windowStart === null || windowEnd === null
          ? 'clicks in the current window'
          : `${countOf(clicks, 'click')} on ${countOf(totalPages, 'page')}, ${clockText(windowStart)} to ${clockText(windowEnd)}, ${final ? 'final' : 'still counting'}`,
      );
      ranking.show(
        pages.pages.map((page) => ({
          name: page.page,
          count: page.clicks,
          note: `${usersExact ? '' : 'at least '}${countOf(page.users, 'user')}`,
        })),
      );
    },
  };
}
