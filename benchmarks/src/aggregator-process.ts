import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { execaNode } from 'execa';
import { superviseProcess, type BenchProcess } from './bench-process.ts';
import type { BenchEnvironment } from './bench-topics.ts';

const aggregator = fileURLToPath(new URL('../../apps/aggregator/dist/main.js', import.meta.url));
const totalsOnly = fileURLToPath(new URL('totals-only.ts', import.meta.url));

/** Starts the real aggregator, as it is built, and waits until it is ready. */
export function startAggregator(
  environment: BenchEnvironment,
  settings: Readonly<Record<string, string>> = {},
): Promise<BenchProcess> {
  return startNode('the aggregator', aggregator, [], { ...environment, ...settings });
}

/** Starts running totals alone, on the same engine. */
export function startTotalsOnly(environment: BenchEnvironment): Promise<BenchProcess> {
  return startNode('running totals alone', totalsOnly, ['--conditions=@clickstream/source'], {
    ...environment,
  });
}

function startNode(
  name: string,
  file: string,
  nodeOptions: string[],
  environment: Readonly<Record<string, string>>,
): Promise<BenchProcess> {
  const child = execaNode(file, {
    nodeOptions,
    // Away from the workspace and whatever .env is there.
    cwd: tmpdir(),
    env: { LOG_LEVEL: 'warn', ...environment },
    reject: false,
    buffer: false,
  });
  return superviseProcess(name, child);
}
