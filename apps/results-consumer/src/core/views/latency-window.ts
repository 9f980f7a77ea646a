/** Over how long latencies are looked at, seconds. */
export const LATENCY_WINDOW_SECONDS = 60;

/** Time from a click to its visible count. Null while there was no click in the window. */
export interface Latency {
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  readonly windowSeconds: number;
  /** How many updates the figures are of. */
  readonly updates: number;
}

const SLICE_MS = 5_000;
const SLICES = (LATENCY_WINDOW_SECONDS * 1_000) / SLICE_MS;
/** Below this every millisecond has a bucket of its own, above 32 share each doubling: within 1.6 %. */
const EXACT_MS = 64;
const BUCKETS_PER_DOUBLING = 32;
const EXACT_DOUBLINGS = 6;
/** 24 days; what took longer counts as that. */
const MAX_MS = 2 ** 31 - 1;
const BUCKETS = EXACT_MS + (31 - EXACT_DOUBLINGS) * BUCKETS_PER_DOUBLING;

/** Percentiles of the latencies of the last minute, within 1.6 %; constant memory. */
export class LatencyWindow {
  readonly #slices = Array.from({ length: SLICES }, () => new Uint32Array(BUCKETS));
  /** The slices together. */
  readonly #counts = new Uint32Array(BUCKETS);
  #updates = 0;
  #newestSlice = 0;

  /** Adds a latency, ms; one below 0, of a clock that is ahead, counts as 0. */
  add(latencyMs: number, nowMs: number): void {
    this.#advance(nowMs);
    const slice = this.#slices[this.#newestSlice % SLICES];
    const bucket = bucketOf(Math.min(Math.max(0, Math.round(latencyMs)), MAX_MS));
    if (!slice) return;
    slice[bucket] = (slice[bucket] ?? 0) + 1;
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
    this.#updates += 1;
  }

  percentiles(nowMs: number): Latency {
    this.#advance(nowMs);
    return {
      p50Ms: percentile(this.#counts, this.#updates, 0.5),
      p99Ms: percentile(this.#counts, this.#updates, 0.99),
      windowSeconds: LATENCY_WINDOW_SECONDS,
      updates: this.#updates,
    };
  }

  #advance(nowMs: number): void {
    const slice = Math.floor(nowMs / SLICE_MS);
    // A clock that was ahead was set right: what it said until now is nowhere in the last minute.
    if (slice < this.#newestSlice - 1) {
      for (let each = 0; each < SLICES; each += 1) this.#forget(each);
      this.#newestSlice = slice;
    }
    if (slice <= this.#newestSlice) return;
    const first = Math.max(this.#newestSlice + 1, slice - SLICES + 1);
    for (let each = first; each <= slice; each += 1) this.#forget(each % SLICES);
    this.#newestSlice = slice;
  }

  #forget(index: number): void {
    const slice = this.#slices[index];
    if (!slice) return;
    for (let bucket = 0; bucket < BUCKETS; bucket += 1) {
      const count = slice[bucket] ?? 0;
      this.#counts[bucket] = (this.#counts[bucket] ?? 0) - count;
      this.#updates -= count;
    }
    slice.fill(0);
  }
}

function bucketOf(ms: number): number {
  if (ms < EXACT_MS) return ms;
  const doubling = 31 - Math.clz32(ms);
  const within = (ms >> (doubling - 5)) - BUCKETS_PER_DOUBLING;
  return EXACT_MS + (doubling - EXACT_DOUBLINGS) * BUCKETS_PER_DOUBLING + within;
}

/** The middle of a bucket, ms. */
function middleOf(bucket: number): number {
  if (bucket < EXACT_MS) return bucket;
  const doubling = EXACT_DOUBLINGS + Math.floor((bucket - EXACT_MS) / BUCKETS_PER_DOUBLING);
  const within = (bucket - EXACT_MS) % BUCKETS_PER_DOUBLING;
  return Math.round((BUCKETS_PER_DOUBLING + within + 0.5) * 2 ** (doubling - 5));
}

/** By nearest rank. */
function percentile(counts: Uint32Array, total: number, share: number): number | null {
  let left = Math.ceil(share * total);
  if (left === 0) return null;
  for (let bucket = 0; bucket < BUCKETS; bucket += 1) {
    left -= counts[bucket] ?? 0;
    if (left <= 0) return middleOf(bucket);
  }
  return null;
}
