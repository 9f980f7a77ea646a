import type { ClickLoadOptions } from '@clickstream/test-harness';

const WINDOW_MS = 2_000;
const ADVANCE_MS = 1_000;
const HORIZON_MS = 300_000;
const START_MS = 1_700_000_000_000;
const STEP_MS = 20;

/** Event time six times as fast as the clock at 300 clicks a second; one of 25 clicks far too late, one of 20 said again. */
export const LIVELY_LOAD = {
  eventTime: (number: number) => START_MS + number * STEP_MS,
  late: { oneOf: 25, byMs: 30_000 },
  repeatedOneOf: 20,
} satisfies ClickLoadOptions;

/** Windows and sessions that close within a second of such a load, and within seconds after its end. */
export const LIVELY_ENVIRONMENT = {
  WINDOW_SIZE_MS: String(WINDOW_MS),
  WINDOW_ADVANCE_MS: String(ADVANCE_MS),
  GRACE_MS: '2000',
  SESSION_GAP_MS: '1000',
  IDLE_TIMEOUT_MS: '500',
  // Longer than any outage: of what is repeated after seconds it is certain that it is remembered.
  DEDUPLICATION_HORIZON_MS: String(HORIZON_MS),
};

/** Windows that each click is in. */
export const LIVELY_OVERLAP = WINDOW_MS / ADVANCE_MS;
