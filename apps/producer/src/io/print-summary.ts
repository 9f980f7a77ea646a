import type { AppContext } from '@clickstream/kafka-client';
import { formatSummary, type RunSummary } from '../core/format-summary.ts';
import { inRed } from './format-delivery.ts';

/**
 * Prints the summary of a run and, if clicks were lost, why.
 *
 * @returns the exit code: 1 if any click was not acknowledged.
 */
export function printSummary(
  summary: RunSummary,
  firstFailure: string | undefined,
  { stdout, stderr }: AppContext,
): number {
  stdout.write(`${formatSummary(summary)}\n`);
  if (summary.failed === 0) return 0;
  const text = `failed: ${summary.failed} of ${summary.sent} clicks; first reason: ${firstFailure ?? 'unknown'}`;
  stderr.write(`${inRed(text, stderr)}\n`);
  return 1;
}
