/**
 * Bounds of a click event's fields, ends included. Lengths count UTF-16 code units, as JavaScript's `length` does.
 *
 * Urls reach 8192 because web servers accept request lines of about that length (Apache's LimitRequestLine is 8190).
 * Timestamps end with the year 9999, so that every one has a four-digit ISO form and window ends stay exact integers.
 */
export const CLICK_EVENT_LIMITS = {
  eventIdLength: { min: 1, max: 256 },
  userIdLength: { min: 1, max: 256 },
  urlLength: { min: 1, max: 8192 },
  timestampMs: { min: 0, max: 253_402_300_799_999 },
  sessionIdLength: { min: 1, max: 256 },
  referrerLength: { min: 0, max: 8192 },
  userAgentLength: { min: 0, max: 2048 },
  attributeCount: { min: 0, max: 64 },
  attributeNameLength: { min: 0, max: 256 },
  attributeTextLength: { min: 0, max: 2048 },
} as const;
