/** What became of the clicks of a run. */
export interface RunSummary {
  /** Handed to the Kafka client. */
  readonly sent: number;
  readonly acknowledged: number;
  /** Not known to be written: refused, or without an answer. */
  readonly failed: number;
  /** Lines of the source that were no clicks. */
  readonly malformed: number;
  /** From the first click to the last answer. */
  readonly elapsedMs: number;
  /** From being handed over to being acknowledged; undefined if nothing was. */
  readonly latencyMs: { readonly p50: number; readonly p99: number } | undefined;
}

/** The last line of every run. */
export function formatSummary(summary: RunSummary): string {
  const { sent, acknowledged, failed, malformed, elapsedMs, latencyMs } = summary;
  return [
    `summary: sent ${sent}`,
    `acknowledged ${acknowledged}`,
    `failed ${failed}`,
    `malformed ${malformed}`,
    `${formatRate(acknowledged, elapsedMs)} clicks/s over ${(elapsedMs / 1000).toFixed(1)} s`,
    latencyMs
      ? `acknowledged within p50 ${latencyMs.p50.toFixed(1)} ms, p99 ${latencyMs.p99.toFixed(1)} ms`
      : 'nothing acknowledged',
  ].join(', ');
}

/** Clicks per second: two digits after the point for slow ones, none for fast ones. */
export function formatRate(clicks: number, elapsedMs: number): string {
  const rate = elapsedMs > 0 ? (clicks * 1000) / elapsedMs : 0;
  return rate >= 100 ? String(Math.round(rate)) : rate.toFixed(2);
}
