import type { ClickLoadOptions } from '@clickstream/test-harness';

const WINDOW_MS = 2_000;
const ADVANCE_MS = 1_000;
const GRACE_MS = 2_000;
const HORIZON_MS = 300_000;
const START_MS = 1_700_000_000_000;
/** Between two clicks at least. */
const STEP_MS = 20;
const SPEED = 6;

/**
 * Event time six times as fast as the clock, also while nothing is written, so that no pause makes what comes after it late; one of 25
 * clicks is late, for all of its windows or for one of them, and one of 20 said again.
 */
export function livelyLoad(): ClickLoadOptions {
  let [eventTime, since] = [START_MS, performance.now()];
  return {
    eventTime: () => {
      const now = performance.now();
      eventTime += Math.max(STEP_MS, Math.round(SPEED * (now - since)));
      since = now;
      return eventTime;
    },
    late: { oneOf: 25, byMs: [30_000, GRACE_MS + ADVANCE_MS] },
    repeatedOneOf: 20,
  };
}

/** Windows and sessions that close within a second of such a load, and within seconds after its end. */
export const LIVELY_ENVIRONMENT = {
  WINDOW_SIZE_MS: String(WINDOW_MS),
  WINDOW_ADVANCE_MS: String(ADVANCE_MS),
  GRACE_MS: String(GRACE_MS),
  SESSION_GAP_MS: '1000',
  IDLE_TIMEOUT_MS: '500',
  // Longer than any outage: of what is repeated after seconds it is certain that it is remembered.
  DEDUPLICATION_HORIZON_MS: String(HORIZON_MS),
};

/** Windows that each click is in. */
export const LIVELY_OVERLAP = WINDOW_MS / ADVANCE_MS;
