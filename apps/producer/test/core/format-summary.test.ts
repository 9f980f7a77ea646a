import { expect, test } from 'vitest';
import { formatSummary } from '../../src/core/format-summary.ts';

test('says what became of the clicks on one line', () => {
  expect(
    formatSummary({
      sent: 1000,
      acknowledged: 990,
      failed: 10,
      malformed: 3,
      elapsedMs: 2000,
      latencyMs: { p50: 1.234, p99: 56.78 },
    }),
  ).toBe(
    'summary: sent 1000, acknowledged 990, failed 10, malformed 3, 495 clicks/s over 2.0 s, acknowledged within p50 1.2 ms, p99 56.8 ms',
  );
});

test('has no rate and no times when nothing was acknowledged', () => {
  expect(
    formatSummary({ sent: 0, acknowledged: 0, failed: 0, malformed: 0, elapsedMs: 0, latencyMs: undefined }),
  ).toBe(
    'summary: sent 0, acknowledged 0, failed 0, malformed 0, 0.00 clicks/s over 0.0 s, nothing acknowledged',
  );
});
