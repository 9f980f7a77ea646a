import type { SessionView } from '../../src/core/views/sessions.ts';
import type { UserTotal } from '../../src/core/views/user-totals.ts';
import { byId, element, setText } from '../element.ts';
import { getJson, RequestError } from '../io/get-json.ts';
import { poll } from '../io/poll.ts';
import { clockText, dayText } from '../text/clock-text.ts';
import { countOf, countText } from '../text/count-text.ts';
import { agoText, durationText } from '../text/duration-text.ts';
import { typedText } from '../typed-text.ts';

/** Looks a user up, with that user's sessions. */
export interface UserLookup {
  lookUp(userId: string): void;
}

type UserBody = UserTotal & { readonly sessions: readonly SessionView[]; readonly sessionsComplete: boolean };

/** What is shown is asked for again so often. */
const REFRESH_MS = 500;
const RETRY_MS = 2_000;
const SESSIONS_SHOWN = 10;

/** @param now the server's time, ms since the epoch */
export function createUserLookup(now: () => number): UserLookup {
  const form = byId('lookup-form', HTMLFormElement);
  const input = byId('lookup-user', HTMLInputElement);
  const status = byId('lookup-status', HTMLElement);
  const result = byId('lookup-result', HTMLElement);
  let asked: AbortController | undefined;
  /** The user in the result, as JSON; empty for none. */
  let shown = '';
  let refreshedAtMs = 0;
  const ago = element('span', '');

  const show = (user: UserBody) => {
    const { clicks, lastClickAt, lastUrl, sessions, sessionsComplete } = user;
    // It grows older while nothing else changes.
    setText(ago, `last click ${agoText(now() - lastClickAt)}, on `);
    const text = JSON.stringify(user);
    if (text === shown) return;
    shown = text;
    result.replaceChildren(
      element(
        'p',
        'user-total',
        element('span', 'found', element('span', 'kind', 'user '), typedText(user.userId, 'user-id')),
        element('span', 'count', countOf(clicks, 'click')),
      ),
      element('p', 'note', ago, typedText(lastUrl)),
      ...sessionList(sessions, sessionsComplete),
    );
  };
  const showFailure = (error: unknown) => {
    const reason = error instanceof RequestError ? error.message : String(error);
    const isGone = error instanceof RequestError && error.status === 404;
    if (isGone || shown === '') {
      shown = '';
      result.replaceChildren();
      setText(status, `Nothing to show: ${reason}.`);
      return;
    }
    // What was found stays, and looks as old as it is.
    result.classList.add('old');
    setText(status, `As of ${clockText(refreshedAtMs)}, not refreshed since: ${reason}.`);
  };
  const lookUp = (typed: string) => {
    asked?.abort();
    shown = '';
    result.replaceChildren();
    result.classList.remove('old');
    input.value = typed;
    setText(status, 'Looking…');
    asked = new AbortController();
    const path = `/api/user?id=${encodeURIComponent(typed.toWellFormed())}`;
    poll(async (signal) => {
      try {
        const user = await getJson<UserBody>(path, signal);
        if (signal.aborted) return undefined;
        refreshedAtMs = Date.now();
        result.classList.remove('old');
        show(user);
        setText(status, `Found, with ${countOf(user.sessions.length, 'recent session')}.`);
        return REFRESH_MS;
      } catch (error) {
        if (signal.aborted) return undefined;
        showFailure(error);
        // Only what was asked wrongly stays wrong: whom nobody has counted yet may click at any moment.
        return error instanceof RequestError && error.status === 400 ? undefined : RETRY_MS;
      }
    }, asked.signal);
  };
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    lookUp(input.value);
  });
  return {
    lookUp: (userId) => {
      lookUp(userId);
      form.scrollIntoView({ block: 'nearest' });
      input.focus({ preventScroll: true });
    },
  };
}

function sessionList(sessions: readonly SessionView[], isComplete: boolean): HTMLElement[] {
  if (sessions.length === 0)
    return [
      element(
        'p',
        'empty',
        isComplete ? 'No sessions.' : 'None among the sessions that changed last; older ones are not kept.',
      ),
    ];
  const rows = sessions
    .slice(0, SESSIONS_SHOWN)
    .map(({ start, end, clicks, entryUrl, exitUrl, bounce, final }) => {
      const path = element('span', 'row-note', typedText(entryUrl));
      if (!bounce) path.append(' → ', typedText(exitUrl));
      return element(
        'li',
        '',
        element('span', 'when', dayText(start)),
        element('span', final ? 'state' : 'state open', final ? 'over' : 'open'),
        element(
          'span',
          'count',
          bounce ? '1 click' : `${countText(clicks)} clicks in ${durationText(end - start)}`,
        ),
        path,
      );
    });
  const more = sessions.length - rows.length;
  const list = element('ol', 'sessions', ...rows);
  list.setAttribute('aria-label', 'Recent sessions, newest first');
  return more === 0 ? [list] : [list, element('p', 'note', `and ${countText(more)} older`)];
}
