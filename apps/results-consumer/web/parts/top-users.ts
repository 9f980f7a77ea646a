import { byId } from '../element.ts';
import { agoText } from '../text/duration-text.ts';
import type { Part } from './part.ts';
import { Ranking } from './ranking.ts';

/** The busiest users. @param onChoose what choosing one does */
export function createTopUsers(onChoose: (userId: string) => void): Part {
  const ranking = new Ranking(byId('top-users', HTMLElement), {
    label: 'Users with the most clicks since the beginning',
    kind: 'user',
    columns: ['User, last page', 'Clicks'],
    empty: 'No clicks are counted yet.',
    onChoose,
    chooseLabel: 'look up',
  });
  return {
    show: ({ users }, nowMs) => {
      ranking.show(
        users.map(({ userId, clicks, lastClickAt, lastUrl }) => ({
          name: userId,
          count: clicks,
          note: `${agoText(nowMs - lastClickAt)} on `,
          typedNote: lastUrl,
        })),
      );
    },
  };
}
