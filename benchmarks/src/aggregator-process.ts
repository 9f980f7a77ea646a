import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { execaNode } from 'execa';
import type { BenchEnvironment } from './bench-topics.ts';

/** The real aggregator, running as a process of its own. */
export interface AggregatorProcess {
  readonly pid: number;
  /** When it said `ready`, by `performance.now()`. */
  readonly readyAt: number;
  stop(): Promise<void>;
}

const main = fileURLToPath(new URL('../../apps/aggregator/src/main.ts', import.meta.url));

/** Starts an aggregator and waits until it says that it is ready. @throws Error when it ends instead */
export async function startAggregator(
  environment: BenchEnvironment & Readonly<Record<string, string>>,
): Promise<AggregatorProcess> {
  const child = execaNode(main, {
    nodeOptions: ['--conditions=@clickstream/source'],
    env: { LOG_LEVEL: 'warn', ...environment },
    reject: false,
    buffer: false,
  });
  const lines: string[] = [];
  const { promise: ready, resolve } = Promise.withResolvers<number>();
  createInterface({ input: child.stderr }).on('line', (line) => {
    lines.push(line);
    if (line.startsWith('ready')) resolve(performance.now());
  });
  const readyAt = await Promise.race([
    ready,
    child.then(({ exitCode }) => {
      throw new Error(`the aggregator ended with ${String(exitCode)}: ${lines.join('\n')}`);
    }),
  ]);
  return {
    pid: child.pid ?? 0,
    readyAt,
    stop: async () => {
      child.kill('SIGTERM');
      await child;
    },
  };
}
