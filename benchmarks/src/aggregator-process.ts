import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { execaNode } from 'execa';
import { superviseProcess, type BenchProcess } from './bench-process.ts';
import type { BenchEnvironment } from './bench-topics.ts';

const main = fileURLToPath(new URL('../../apps/aggregator/src/main.ts', import.meta.url));

/** Starts the real aggregator and waits until it is ready. */
export function startAggregator(
  environment: BenchEnvironment,
  settings: Readonly<Record<string, string>> = {},
): Promise<BenchProcess> {
  const child = execaNode(main, {
    nodeOptions: ['--conditions=@clickstream/source'],
    // Away from the workspace and whatever .env is there.
    cwd: tmpdir(),
    env: { LOG_LEVEL: 'warn', ...environment, ...settings },
    reject: false,
    buffer: false,
  });
  return superviseProcess('the aggregator', child);
}
