import type { PagesBody } from '../../src/serve/pages-body.ts';
import { byId, element, setText } from '../element.ts';
import { getJson, RequestError } from '../io/get-json.ts';
import { clockText, windowText } from '../text/clock-text.ts';
import { countOf } from '../text/count-text.ts';
import type { Part } from './part.ts';
import { Ranking } from './ranking.ts';

/** As `OTHER_PAGES` of the schema, which is not for browsers. */
const OTHER_PAGES = '(other)';
const CURRENT = 'current';
/** An older window is asked for again so often, until it is final. */
const REFRESH_MS = 2_000;
const ROWS = 10;

/** The busiest pages of the current window, or of an older one. @param onChoose what choosing a page does */
export function createTopPages(onChoose: (page: string) => void): Part {
  const note = byId('pages-window', HTMLElement);
  const choice = byId('pages-choice', HTMLSelectElement);
  const ranking = new Ranking(byId('top-pages', HTMLElement), {
    label: 'Pages with the most clicks in the window',
    columns: ['Page, its users', 'Clicks'],
    empty: 'No click has come into a window yet.',
    onChoose,
    chooseLabel: 'show its live clicks',
  });
  let current: PagesBody | undefined;
  let offered = '';
  let asked: AbortController | undefined;

  const show = (body: PagesBody) => {
    const { windowStart, windowEnd, final, usersExact, complete, clicks, totalPages } = body;
    setText(
      note,
      windowStart === null || windowEnd === null
        ? 'clicks in the current window'
        : `${complete ? '' : 'at least '}${countOf(clicks, 'click')} on ${countOf(totalPages, 'page')}, ${clockText(windowStart)} to ${clockText(windowEnd)}, ${final ? 'final' : 'still counting'}`,
    );
    ranking.show(
      body.pages.map((page) => ({
        name: page.page,
        count: page.clicks,
        // No click is on these by name: many pages together, or the beginning of a long one.
        isFixed: page.page === OTHER_PAGES || page.page.endsWith('…'),
        note: `${usersExact ? '' : 'at least '}${countOf(page.users, 'user')}`,
      })),
    );
  };
  const ask = async (windowStart: string, signal: AbortSignal) => {
    try {
      const body = await getJson<PagesBody>(`/api/pages?window=${windowStart}&top=${ROWS}`, signal);
      if (signal.aborted) return;
      show(body);
      if (body.final) return;
    } catch (error) {
      if (signal.aborted) return;
      setText(note, `Not shown anew: ${error instanceof RequestError ? error.message : String(error)}.`);
    }
    setTimeout(() => {
      if (!signal.aborted) void ask(windowStart, signal);
    }, REFRESH_MS);
  };
  const choose = () => {
    asked?.abort();
    asked = undefined;
    if (choice.value === CURRENT) {
      if (current) show(current);
      return;
    }
    asked = new AbortController();
    void ask(choice.value, asked.signal);
  };
  /** What can be chosen is the current window and those before it; a choice stays while its window is known. */
  const offer = ({ windowStart, windows }: PagesBody) => {
    const older = windows.filter((start) => windowStart !== null && start < windowStart).map(String);
    if (offered === older.join()) return;
    offered = older.join();
    const chosen = choice.value;
    choice.replaceChildren(
      ...[CURRENT, ...older].map((value) => {
        const option = element('option', '', value === CURRENT ? CURRENT : windowText(Number(value)));
        option.value = value;
        return option;
      }),
    );
    choice.value = older.includes(chosen) ? chosen : CURRENT;
    if (choice.value !== chosen) choose();
  };
  choice.addEventListener('change', choose);

  return {
    show: ({ pages }) => {
      current = pages;
      offer(pages);
      if (choice.value === CURRENT) show(pages);
    },
  };
}
