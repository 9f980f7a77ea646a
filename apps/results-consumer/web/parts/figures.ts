import { byId } from '../element.ts';
import { setLoaded } from '../loading.ts';
import type { DashboardState } from '../state/dashboard-state.ts';
import { countOf, countText, rateText } from '../text/count-text.ts';
import { durationText } from '../text/duration-text.ts';
import { sessionsText } from '../text/sessions-text.ts';
import { lagText, LAG_WARNING_SECONDS } from '../text/lag-text.ts';
import type { Part } from './part.ts';

/** The figures of this moment. */
export function createFigures(): Part {
  const set = (id: string, text: string) => {
    setLoaded(byId(id, HTMLElement), text);
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
      set('open-sessions', sessionsText(overview));
      set('lag-records', countText(overview.lagRecords));
      set('lag-unit', overview.lagRecords === 1 ? 'click' : 'clicks');
      const { oldestWaitingSeconds } = overview;
      const lag = byId('lag-age', HTMLElement);
      setLoaded(lag, lagText(overview));
      lag.classList.toggle('warning', (oldestWaitingSeconds ?? 0) >= LAG_WARNING_SECONDS);
      set('latency-p50', latency.p50Ms === null ? '–' : durationText(latency.p50Ms));
      set('latency-p99', latency.p99Ms === null ? '–' : durationText(latency.p99Ms));
      set('latency-window', durationText(latency.windowSeconds * 1_000));
    },
  };
}
