import { byId, setText } from '../element.ts';
import type { DashboardState } from '../state/dashboard-state.ts';
import { countOf, countText, rateText } from '../text/count-text.ts';
import { durationText } from '../text/duration-text.ts';
import type { Part } from './part.ts';

/** Oldest click that waits for so long: worth a colour. */
const LAG_WARNING_SECONDS = 10;

/** The figures of this moment. */
export function createFigures(): Part {
  const set = (id: string, text: string) => {
    setText(byId(id, HTMLElement), text);
  };
  return {
    show: ({ overview, settings }: DashboardState) => {
      const { latency } = overview;
      const rate = rateText(overview.clicksPerSecond);
      set('clicks-per-second', rate);
      set('rate-unit', rate === '1' ? 'click' : 'clicks');
      set('rate-mean', String(settings.rateMeanSeconds));
      set('total-clicks', countText(overview.totalClicks));
      set('users', `by ${countOf(overview.users, 'user')}`);
      set('active-users', countText(overview.activeUsers5m));
      set('active-window', durationText(settings.activeWindowSeconds * 1_000));
      set('open-sessions', `${countOf(overview.openSessions, 'open session')} now`);
      set('lag-records', countText(overview.lagRecords));
      set('lag-unit', overview.lagRecords === 1 ? 'click' : 'clicks');
      const lag = byId('lag-age', HTMLElement);
      setText(
        lag,
        overview.lagRecords === 0
          ? 'no click waits to be counted'
          : overview.lagSeconds === 0
            ? 'all younger than 0.1 s'
            : `the oldest waits for ${durationText(overview.lagSeconds * 1_000)}`,
      );
      lag.classList.toggle('warning', overview.lagSeconds >= LAG_WARNING_SECONDS);
      set('latency-p50', latency.p50Ms === null ? '–' : durationText(latency.p50Ms));
      set('latency-p99', latency.p99Ms === null ? '–' : durationText(latency.p99Ms));
      set('latency-window', durationText(latency.windowSeconds * 1_000));
    },
  };
}
