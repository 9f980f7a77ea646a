import { pageOfUrl } from '../../src/core/page-of-url.ts';
import type { PagesBody } from '../../src/serve/pages-body.ts';
import { byId, element, setText } from '../element.ts';
import { getJson, RequestError } from '../io/get-json.ts';
import { poll } from '../io/poll.ts';
import { READING } from '../loading.ts';
import { spanText, windowText } from '../text/clock-text.ts';
import { countOf } from '../text/count-text.ts';
import type { Part } from './part.ts';
import { Ranking, ROWS } from './ranking.ts';

/** As `OTHER_PAGES` of the schema, which is not for browsers. */
const OTHER_PAGES = '(other)';
const CURRENT = 'current';
/** An older window is asked for again so often. */
const REFRESH_MS = 2_000;
/** Or so often once it is final: a partition that was idle takes that back when a late click comes. */
const FINAL_REFRESH_MS = 10_000;

/** The busiest pages of the current window, or of an older one. @param onChoose what choosing a page does */
export function createTopPages(onChoose: (page: string) => void): Part {
  const span = byId('pages-window', HTMLElement);
  const note = byId('pages-note', HTMLElement);
  const choice = byId('pages-choice', HTMLSelectElement);
  const ranking = new Ranking(byId('top-pages', HTMLElement), {
    label: 'Pages with the most clicks in the window',
    columns: ['Page, its users', 'Clicks'],
    onChoose,
    chooseLabel: (page) => {
      const path = pageOfUrl(page);
      return path === page ? 'show its live clicks' : `show the live clicks of ${path}`;
    },
  });
  let current: PagesBody | undefined;
  let isReady = false;
  let offered = '';
  let asked: AbortController | undefined;

  const show = (body: PagesBody) => {
    const { windowStart, windowEnd, final, usersExact, complete, clicks, totalPages } = body;
    if (windowStart === null || windowEnd === null) {
      setText(span, 'current window');
      setText(note, '');
    } else {
      setText(span, `${spanText(windowStart, windowEnd)}, ${final ? 'final' : 'still counting'}`);
      setText(
        note,
        `${complete ? '' : 'at least '}${countOf(clicks, 'click')} on ${countOf(totalPages, 'page')}; a user may be in several rows`,
      );
    }
    ranking.show(
      body.pages.map((page) => ({
        key: page.key,
        name: page.page,
        count: page.clicks,
        // No click is on these by name: many pages together, or the beginning of a long one.
        isFixed: page.page === OTHER_PAGES || page.page.endsWith('…'),
        note: `${usersExact ? '' : 'at least '}${countOf(page.users, 'user')}`,
      })),
      isReady ? 'No click has come into this window yet.' : READING,
    );
  };
  const ask = (windowStart: string, signal: AbortSignal) => {
    let isShown = false;
    setText(span, `from ${windowText(Number(windowStart))}`);
    setText(note, '');
    ranking.show([], 'Loading…');
    poll(async () => {
      try {
        const body = await getJson<PagesBody>(`/api/pages?window=${windowStart}&top=${ROWS}`, signal);
        if (signal.aborted) return undefined;
        isShown = true;
        show(body);
        return body.final ? FINAL_REFRESH_MS : REFRESH_MS;
      } catch (error) {
        if (signal.aborted) return undefined;
        const reason = error instanceof RequestError ? error.message : String(error);
        if (isShown) setText(note, `Not refreshed: ${reason}.`);
        else ranking.show([], `Nothing to show: ${reason}.`);
        return REFRESH_MS;
      }
    }, signal);
  };
  const choose = () => {
    asked?.abort();
    asked = undefined;
    ranking.clear();
    if (choice.value === CURRENT) {
      if (current) show(current);
      return;
    }
    asked = new AbortController();
    ask(choice.value, asked.signal);
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
    show: ({ pages, overview }) => {
      current = pages;
      isReady = overview.ready;
      offer(pages);
      if (choice.value === CURRENT) show(pages);
    },
  };
}
