import { byId, setText } from '../element.ts';
import { READING } from '../loading.ts';
import { countOf } from '../text/count-text.ts';
import { agoText } from '../text/duration-text.ts';
import type { Part } from './part.ts';
import { Ranking, ROWS } from './ranking.ts';

const MINUTE_MS = 60_000;

/** The busiest users. @param onChoose what choosing one does */
export function createTopUsers(onChoose: (userId: string) => void): Part {
  const ranking = new Ranking(byId('top-users', HTMLElement), {
    label: 'Users with the most clicks since the beginning',
    kind: 'user',
    columns: ['User, last page', 'Clicks'],
    onChoose,
    chooseLabel: () => 'look up',
  });
  const note = byId('users-note', HTMLElement);
  return {
    show: ({ users, overview }, nowMs) => {
      setText(
        note,
        Math.min(users.length, ROWS) < overview.users
          ? `the busiest of ${countOf(overview.users, 'user')}`
          : users.length === 0
            ? ''
            : 'all users',
      );
      ranking.show(
        users.map(({ userId, clicks, lastClickAt, lastUrl }) => ({
          key: userId,
          name: userId,
          count: clicks,
          note:
            nowMs - lastClickAt < MINUTE_MS ? 'last page ' : `${agoText(nowMs - lastClickAt)}, last page `,
          typedNote: lastUrl,
        })),
        overview.ready ? 'No clicks are counted yet.' : READING,
      );
    },
  };
}
