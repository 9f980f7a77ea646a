import type { ClickEvent } from '@clickstream/schema';
import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import { createRankSampler } from './rank-sampler.ts';

export interface ClickGeneratorOptions {
  /** User ids are 1 to this number. */
  readonly users: number;
  /** Pages are /page1 to /page<this number>. */
  readonly pages: number;
  /** Zipf exponent over users and over pages: 0 = all alike, 1 = the second is half as frequent as the first. */
  readonly skew: number;
  /** Fixes the sequence of users and pages; 32 bits. */
  readonly seed: number;
  /** First part of every event id. */
  readonly runId: string;
}

/** An endless sequence of clicks, which `next` continues with a click at that event time. */
export interface ClickGenerator {
  next(timestampMs: number): ClickEvent;
}

/** Makes clicks with the ids `<run id>-1`, `<run id>-2`, …; the same seed draws the same users and pages. */
export function createClickGenerator(options: ClickGeneratorOptions): ClickGenerator {
  const { users, pages, skew, seed, runId } = options;
  const random = xoroshiro128plus(seed);
  const drawUser = createRankSampler(users, skew);
  const drawPage = createRankSampler(pages, skew);
  let clicks = 0;
  return {
    next(timestamp) {
      clicks++;
      return {
        eventId: `${runId}-${clicks}`,
        userId: String(drawUser(uniformFloat64(random))),
        url: `/page${drawPage(uniformFloat64(random))}`,
        timestamp,
      };
    },
  };
}
