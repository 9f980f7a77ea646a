import { readMetrics } from './read-metrics.ts';

/** How many windows an aggregator has open in all its partitions, as of their last commits. */
export async function openWindows(healthPort: number): Promise<number> {
  const sums = await readMetrics(healthPort, 'clickstream_state_sum');
  return [...sums]
    .filter(([labels]) => labels.includes('sum="openWindows"'))
    .reduce((sum, [, value]) => sum + value, 0);
}
