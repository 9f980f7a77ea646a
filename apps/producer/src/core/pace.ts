/** Clicks a second, or as many as Kafka takes. */
export type ClickRate = number | 'max';

/** When the clicks of a steady stream are due, counted from its start, so that no delay adds up to a drift. */
export interface SteadyPace {
  /** How many clicks are due in the first `elapsedMs`, ends included; the first one is due at once. */
  dueBy(elapsedMs: number): number;
  /** When click number `index`, from 0, is due, ms after the start. */
  dueAtMs(index: number): number;
  /** How many clicks are due in [0, `durationMs`). */
  dueWithin(durationMs: number): number;
}

export function createSteadyPace(rate: ClickRate): SteadyPace {
  if (rate === 'max') return { dueBy: () => Infinity, dueAtMs: () => 0, dueWithin: () => Infinity };
  return {
    dueBy: (elapsedMs) => Math.floor((elapsedMs * rate) / 1000) + 1,
    dueAtMs: (index) => (index * 1000) / rate,
    dueWithin: (durationMs) => Math.ceil((durationMs * rate) / 1000),
  };
}

/** How many times faster than recorded, or as fast as Kafka takes it. */
export type ReplaySpeed = number | 'max';

/**
 * When the clicks of a log are due, ms after the first one: spaced as recorded, divided by `speed`. Logs are not
 * wholly in time order: a click older than the first is due at once.
 */
export function createRecordedPace(speed: ReplaySpeed): (timestampMs: number) => number {
  if (speed === 'max') return () => 0;
  let firstTimestampMs: number | undefined;
  return (timestampMs) => {
    firstTimestampMs ??= timestampMs;
    return Math.max(0, (timestampMs - firstTimestampMs) / speed);
  };
}
