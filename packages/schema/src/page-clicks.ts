import { z } from 'zod';
import { CLICK_EVENT_LIMITS } from './click-event-limits.ts';
import { decodeResult } from './decode-result.ts';
import type { Decoded } from './decoded.ts';
import type { EncodedResult } from './encoded-result.ts';
import { lineOfText } from './line-of-text.ts';

/** The page under which a window counts the clicks on pages for which it has no room. */
export const OTHER_PAGES = '(other)';

export const pageClicksSchema = z.object({
  page: lineOfText(CLICK_EVENT_LIMITS.urlLength),
  windowStart: z.int(),
  windowEnd: z.int(),
  partition: z.int().min(0),
  clicks: z.int().min(1),
  users: z.int().min(1),
  usersExact: z.boolean(),
  final: z.boolean(),
});

/**
 * Clicks and distinct users of one page in one window, of the clicks counted in one partition. The window is
 * `[windowStart, windowEnd)`, ms since the epoch; `page` may be {@link OTHER_PAGES}. `users` is a lower bound where
 * `usersExact` is false. With `final` it is the last record of its key.
 */
export type PageClicks = z.infer<typeof pageClicksSchema>;

/** Encodes a window's result. The page stands last in the key, since it may hold anything. */
export function encodePageClicks(result: PageClicks): EncodedResult {
  const { page, windowStart, windowEnd, partition, clicks, users, usersExact, final } = result;
  return {
    key: keyOf(result),
    // By hand, because it is written for every page in every transaction: twice as fast as JSON.stringify.
    value: `{"page":${JSON.stringify(page)},"windowStart":${windowStart},"windowEnd":${windowEnd},"partition":${partition},"clicks":${clicks},"users":${users},"usersExact":${usersExact},"final":${final}}`,
  };
}

/** Decodes what {@link encodePageClicks} wrote. Never throws; a `closedUntil` record of the same topic is malformed. */
export function decodePageClicks(key: Buffer | null, value: Buffer | null): Decoded<PageClicks> {
  return decodeResult(key, value, pageClicksSchema, keyOf);
}

function keyOf({ windowStart, partition, page }: PageClicks): string {
  return `${windowStart}/${partition}/${page}`;
}
