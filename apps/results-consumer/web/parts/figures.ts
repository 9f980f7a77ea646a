import { byId } from '../element.ts';
import { setLoaded } from '../loading.ts';
import type { DashboardState } from '../state/dashboard-state.ts';
import { countOf, countText, rateText } from '../text/count-text.ts';
import { durationText } from '../text/duration-text.ts';
import type { Part } from './part.ts';

/** Oldest click that waits for so long: worth a colour. */
const LAG_WARNING_SECONDS = 10;
/** So long a click waits when all is well: a transaction takes that on a busy machine. */
const KEEPING_UP_SECONDS = 2;

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
      set('open-sessions', `${countOf(overview.openSessions, 'session')} open`);
      set('lag-records', countText(overview.lagRecords));
      set('lag-unit', overview.lagRecords === 1 ? 'click' : 'clicks');
      const { oldestWaitingSeconds } = overview;
      const lag = byId('lag-age', HTMLElement);
      setLoaded(lag, lagText(overview.lagRecords, oldestWaitingSeconds));
      lag.classList.toggle('warning', (oldestWaitingSeconds ?? 0) >= LAG_WARNING_SECONDS);
      set('latency-p50', latency.p50Ms === null ? '–' : durationText(latency.p50Ms));
      set('latency-p99', latency.p99Ms === null ? '–' : durationText(latency.p99Ms));
      set('latency-window', durationText(latency.windowSeconds * 1_000));
    },
  };
}

/** Whether what waits is good or bad. */
function lagText(records: number, seconds: number | null): string {
  if (records === 0) return 'keeping up: nothing waits';
  if (seconds === null) return 'since when is not known';
  if (seconds === 0) return 'keeping up: none waits 0.1 s';
  const text = `the oldest waits for ${durationText(seconds * 1_000)}`;
  if (seconds >= LAG_WARNING_SECONDS) return `behind: ${text}`;
  return seconds < KEEPING_UP_SECONDS ? `keeping up: ${text}` : text;
}
