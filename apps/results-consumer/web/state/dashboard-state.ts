import type { Overview } from '../../src/core/views/click-views.ts';
import type { DeadLetterView } from '../../src/core/views/dead-letters.ts';
import type { UserTotal } from '../../src/core/views/user-totals.ts';
import type { DashboardSettings } from '../../src/serve/dashboard-stream.ts';
import type { PagesBody } from '../../src/serve/pages-body.ts';

/** Seconds since the epoch with their clicks. */
export type RateSeries = readonly (readonly [second: number, clicks: number])[];

/** All that the stream of the dashboard says, as of its last event. */
export interface DashboardState {
  readonly overview: Overview;
  /** Oldest first; the last second is not over. */
  readonly rate: RateSeries;
  readonly users: readonly UserTotal[];
  readonly pages: PagesBody;
  readonly deadLetters: readonly DeadLetterView[];
  readonly settings: DashboardSettings;
}

/** What changed: each part whole, but of the rate only the seconds that changed. */
export type DashboardDelta = Partial<DashboardState>;

/** The state after a delta; seconds that have left the window of the rate are dropped. */
export function applyDelta(state: DashboardState, delta: DashboardDelta): DashboardState {
  const { rate, ...parts } = delta;
  return { ...state, ...parts, ...(rate && { rate: mergeRate(state, rate) }) };
}

function mergeRate({ rate, settings }: DashboardState, changed: RateSeries): RateSeries {
  const bySecond = new Map([...rate, ...changed]);
  const seconds = [...bySecond.keys()].sort((first, second) => first - second);
  const oldest = (seconds.at(-1) ?? 0) - settings.rateWindowSeconds;
  return seconds
    .filter((second) => second > oldest)
    .map((second): [number, number] => [second, bySecond.get(second) ?? 0]);
}
