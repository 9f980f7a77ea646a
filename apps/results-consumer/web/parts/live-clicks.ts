import { pageOfUrl } from '../../src/core/page-of-url.ts';
import type { ShownClick } from '../../src/serve/click-stream.ts';
import { byId, element, setText } from '../element.ts';
import { holdOf, holdText, onHoldChange } from '../hold.ts';
import { EventStream } from '../io/event-stream.ts';
import { whyRefused } from '../io/why-refused.ts';
import { reconcile } from '../reconcile.ts';
import { ClickFeed, clickKey, type ClicksEvent } from '../state/click-feed.ts';
import { clockText } from '../text/clock-text.ts';
import { countOf } from '../text/count-text.ts';
import { partText } from '../text/part-text.ts';
import { typedText } from '../typed-text.ts';

/** The server says every 10 s that it is alive. */
const SILENCE_LIMIT_MS = 25_000;

/** The clicks themselves, as they come: while they are in view, since each stream takes one of the few connections of a browser. */
export interface LiveClicks {
  /** Shows those of one page only. */
  filterByPage(page: string): void;
  /** Connects, at once or when they come into view; what is connected already stays so. */
  open(): void;
  close(): void;
}

/** @param onChoose what choosing a click's user does */
export function createLiveClicks(onChoose: (userId: string) => void): LiveClicks {
  const form = byId('clicks-filter', HTMLFormElement);
  const user = byId('clicks-user', HTMLInputElement);
  const page = byId('clicks-page', HTMLInputElement);
  const pause = byId('clicks-pause', HTMLButtonElement);
  const note = byId('clicks-note', HTMLElement);
  const list = element('ol', 'clicks-list');
  list.setAttribute('aria-label', 'Clicks, newest first');
  const empty = element('p', 'empty', 'Waiting for the next click…');
  const head = element(
    'p',
    'columns clicks-columns',
    ...['Time', 'User', 'Page'].map((name) => element('span', '', name)),
  );
  head.setAttribute('aria-hidden', 'true');
  byId('live-clicks', HTMLElement).append(head, list, empty);
  const feed = new ClickFeed();
  const rows = new Map<string, HTMLElement>();
  let stream: EventStream | undefined;
  let query = new URLSearchParams();
  let isLost = false;
  let refusal: string | undefined;
  let isPaused = false;
  let isOpen = false;
  let isInView = false;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const noteText = () => {
    if (isLost) return 'not live, connecting again';
    const since = `${countOf(feed.seenWhileStopped, 'click')} since`;
    if (isPaused) return `paused; ${since}`;
    const hold = holdOf(list);
    return hold ? `${holdText(hold)}; ${since}` : partText(feed.oneOf(Date.now()));
  };
  const rowOf = (click: ShownClick) => {
    const known = rows.get(clickKey(click));
    if (known) return known;
    const row = createRow(click, onChoose);
    rows.set(clickKey(click), row);
    return row;
  };
  const show = () => {
    setText(note, noteText());
    empty.hidden = feed.rows.length > 0;
    setText(
      empty,
      isLost
        ? (refusal ?? 'No live clicks: the server cannot be reached. It is tried again.')
        : query.size === 0
          ? 'Waiting for the next click…'
          : 'Waiting for a click of that user or page…',
    );
    list.hidden = feed.rows.length === 0;
    head.hidden = list.hidden;
    reconcile(list, feed.rows.map(rowOf));
    const shown = new Set(feed.rows.map(clickKey));
    for (const key of rows.keys()) if (!shown.has(key)) rows.delete(key);
  };
  const advance = () => {
    clearTimeout(timer);
    const waitMs = feed.advance(Date.now());
    if (waitMs !== undefined) timer = setTimeout(advance, waitMs);
    show();
  };
  /** Stands still while that is wished, or somebody is about to choose a row. */
  const stopOrGoOn = () => {
    feed.setStopped(isPaused || holdOf(list) !== undefined);
    connectOrNot();
  };
  const disconnect = () => {
    stream?.close();
    stream = undefined;
  };
  const connect = () => {
    if (stream) return;
    // What came while nobody listened is not there: what is shown begins anew, unless somebody reads it.
    if (!feed.isStopped) feed.clear();
    const url = `/api/clicks/stream${query.size === 0 ? '' : `?${query.toString()}`}`;
    stream = new EventStream({
      url,
      silenceLimitMs: SILENCE_LIMIT_MS,
      onOpen: () => {
        isLost = false;
        refusal = undefined;
        show();
      },
      onLost: (isRefused) => {
        isLost = true;
        if (!isRefused) refusal = undefined;
        show();
        if (isRefused)
          void whyRefused(url).then((reason) => {
            if (isLost) refusal = reason;
            show();
          });
      },
      on: {
        clicks: (data) => {
          // A list that appears under a pointer that rests there tells nobody.
          stopOrGoOn();
          feed.take(data as ClicksEvent, Date.now());
          advance();
        },
      },
    });
  };
  /** Those that come while the list stands still are counted, so that they are listened to even out of view. */
  const connectOrNot = () => {
    if (isOpen && (isInView || feed.isStopped)) connect();
    else disconnect();
  };
  const setPaused = (isWished: boolean) => {
    isPaused = isWished;
    pause.classList.toggle('on', isPaused);
    setText(pause, isPaused ? 'Resume' : 'Pause');
    stopOrGoOn();
    show();
  };
  const filter = () => {
    query = new URLSearchParams();
    if (user.value !== '') query.set('user', user.value);
    // Clicks are told apart by the path of their url: the field says so, whatever was put into it.
    if (page.value !== '') page.value = pageOfUrl(page.value);
    if (page.value !== '') query.set('page', page.value);
    disconnect();
    feed.clear();
    setPaused(false);
  };
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    filter();
  });
  form.addEventListener('input', () => {
    if (user.value === '' && page.value === '' && query.size > 0) filter();
  });
  pause.addEventListener('click', () => {
    setPaused(!isPaused);
  });
  onHoldChange(list, () => {
    stopOrGoOn();
    show();
  });
  new IntersectionObserver((entries) => {
    isInView = entries.at(-1)?.isIntersecting ?? false;
    connectOrNot();
  }).observe(byId('clicks', HTMLElement));
  show();
  return {
    filterByPage: (wanted) => {
      page.value = wanted;
      user.value = '';
      filter();
      form.scrollIntoView({ block: 'nearest' });
      page.focus({ preventScroll: true });
    },
    open: () => {
      isOpen = true;
      connectOrNot();
    },
    close: () => {
      isOpen = false;
      connectOrNot();
    },
  };
}

function createRow({ userId, url, timestamp }: ShownClick, onChoose: (userId: string) => void): HTMLElement {
  const button = element('button', 'name', element('span', 'kind', 'user '), typedText(userId));
  button.type = 'button';
  button.append(element('span', 'hidden-text', ', look up'));
  button.addEventListener('click', () => {
    onChoose(userId);
  });
  return element('li', '', element('span', 'when', clockText(timestamp)), button, typedText(url, 'page'));
}
