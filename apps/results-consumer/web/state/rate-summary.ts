import type { RateSeries } from './dashboard-state.ts';

/** What the chart of the rate shows, in figures. */
export interface RateSummary {
  /** Seconds since the epoch and the clicks of the busiest second. */
  readonly peak: readonly [second: number, clicks: number];
  /** Clicks per second over all full seconds since the first that has a click. */
  readonly mean: number;
  /** That second, since the epoch. */
  readonly since: number;
}

/** The seconds that are over: the last one is still being filled, and would look like a fall. */
export function fullSeconds(rate: RateSeries): RateSeries {
  return rate.slice(0, -1);
}

/** Peak and mean of full seconds; undefined if there are none. */
export function summariseRate(seconds: RateSeries): RateSummary | undefined {
  const [first] = seconds;
  if (!first) return undefined;
  let peak = first;
  let clicks = 0;
  for (const each of seconds) {
    if (each[1] > peak[1]) peak = each;
    clicks += each[1];
  }
  // What was before the first click says nothing about how many there are.
  const idle = Math.max(
    0,
    seconds.findIndex(([, count]) => count > 0),
  );
  return { peak, mean: clicks / (seconds.length - idle), since: seconds[idle]?.[0] ?? first[0] };
}

/** The mean of each value and those before it, so many in all. */
export function runningMean(values: readonly number[], over: number): number[] {
  let sum = 0;
  return values.map((value, index) => {
    sum += value - (index >= over ? (values[index - over] ?? 0) : 0);
    return sum / Math.min(index + 1, over);
  });
}

const SPANS_SECONDS = [120, 300];

/** How much of the time the chart shows, seconds: a window that has only begun would be an empty chart. */
export function chartSpan(seconds: RateSeries, windowSeconds: number): number {
  return SPANS_SECONDS.find((span) => seconds.length < span && span < windowSeconds) ?? windowSeconds;
}

/** Of the seconds that had clicks, so many may be higher than the chart, if they are higher by much. */
const HIGHEST_PART = 0.02;
const MUCH_HIGHER = 2;
/** What lasts so long is no spike, seconds. */
const SPIKE_SECONDS = 30;

/** How far up the chart goes: over everything, unless that is a spike or two which would flatten all the rest. */
export function chartTop(seconds: RateSeries): number {
  const clicks = seconds.map(([, count]) => count);
  const busy = clicks.filter((count) => count > 0).sort((first, second) => second - first);
  const highest = busy[0] ?? 0;
  const usual = busy[Math.floor(busy.length * HIGHEST_PART)] ?? 0;
  const lasting = runningMean(clicks, SPIKE_SECONDS).reduce((most, mean) => Math.max(most, mean), 0);
  const robust = MUCH_HIGHER * Math.max(usual, lasting);
  return Math.max(4, 1.1 * Math.min(highest, robust));
}
