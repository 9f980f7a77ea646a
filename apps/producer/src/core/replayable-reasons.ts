import { DEAD_LETTER_REASONS, type DeadLetterReason } from '@clickstream/schema';

/** Clicks that are listed for what they came too late for, and are in the running totals. */
const COUNTED: readonly DeadLetterReason[] = ['late', 'missed', 'session-late'];

/** Reasons of clicks that were not counted, so that sending them again counts them once. */
export const REPLAYABLE_REASONS: readonly DeadLetterReason[] = DEAD_LETTER_REASONS.filter(
  (reason) => !COUNTED.includes(reason),
);
