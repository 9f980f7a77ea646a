import { byId, element, setText } from '../element.ts';
import { EventStream } from '../io/event-stream.ts';
import { ClickFeed, type ClicksEvent } from '../state/click-feed.ts';
import { clockText } from '../text/clock-text.ts';
import { countOf, countText } from '../text/count-text.ts';
import { typedText } from '../typed-text.ts';

/** The server says every 10 s that it is alive. */
const SILENCE_LIMIT_MS = 25_000;

/** The clicks themselves, as they come. */
export interface LiveClicks {
  /** Shows those of one page only. */
  filterByPage(page: string): void;
  /** Connects; what is connected already stays so. */
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
  let stream: EventStream | undefined;
  let query = new URLSearchParams();
  let isLost = false;

  const show = () => {
    const one = feed.oneOf(Date.now());
    setText(
      note,
      isLost
        ? 'not live: connecting again'
        : feed.isPaused
          ? `paused; ${countOf(feed.seenWhilePaused, 'click')} since`
          : one === 1
            ? 'as they come in, newest first'
            : `1 of ${countText(one)} is shown, newest first`,
    );
    if (feed.isPaused) return;
    empty.hidden = feed.rows.length > 0;
    setText(
      empty,
      isLost
        ? 'No live clicks: the server cannot be reached, or has too many viewers. It is tried again.'
        : query.size === 0
          ? 'Waiting for the next click…'
          : 'Waiting for a click of that user or page…',
    );
    list.hidden = feed.rows.length === 0;
    head.hidden = list.hidden;
    list.replaceChildren(
      ...feed.rows.map(({ userId, url, timestamp }) => {
        const button = element('button', 'name', typedText(userId));
        button.type = 'button';
        button.append(element('span', 'hidden-text', ', look up'));
        button.addEventListener('click', () => {
          onChoose(userId);
        });
        return element(
          'li',
          '',
          element('span', 'when', clockText(timestamp)),
          button,
          typedText(url, 'page'),
        );
      }),
    );
  };
  const open = () => {
    stream ??= new EventStream({
      url: `/api/clicks/stream${query.size === 0 ? '' : `?${query.toString()}`}`,
      silenceLimitMs: SILENCE_LIMIT_MS,
      onOpen: () => {
        isLost = false;
        show();
      },
      onLost: () => {
        isLost = true;
        show();
      },
      on: {
        clicks: (data) => {
          feed.take(data as ClicksEvent, Date.now());
          show();
        },
      },
    });
  };
  const close = () => {
    stream?.close();
    stream = undefined;
  };
  const setPaused = (isPaused: boolean) => {
    feed.setPaused(isPaused);
    pause.setAttribute('aria-pressed', String(isPaused));
    setText(pause, isPaused ? 'Go on' : 'Pause');
    show();
  };
  const filter = () => {
    query = new URLSearchParams();
    if (user.value !== '') query.set('user', user.value);
    if (page.value !== '') query.set('page', page.value);
    close();
    feed.clear();
    setPaused(false);
    open();
  };
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    filter();
  });
  pause.addEventListener('click', () => {
    setPaused(!feed.isPaused);
  });
  show();
  return {
    filterByPage: (wanted) => {
      page.value = wanted;
      user.value = '';
      filter();
      form.scrollIntoView({ block: 'nearest' });
      page.focus({ preventScroll: true });
    },
    open,
    close,
  };
}
