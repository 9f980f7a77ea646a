import { fileURLToPath } from 'node:url';
import type { CrashPoint } from '@clickstream/kafka-client';
import { startApp, type AppProcess } from './app-process.ts';
import type { TestTopics } from './test-topics.ts';

const CRASHING_AGGREGATOR = fileURLToPath(
  new URL('../../../apps/aggregator/test/crashing-aggregator.ts', import.meta.url),
) as `${string}.ts`;

/** A moment at which the process sends itself a signal: SIGKILL unless told otherwise. */
export interface Crash {
  readonly at: CrashPoint;
  /** Which time one of its tasks comes there; the first one unless told otherwise. */
  readonly count?: number;
  readonly signal?: 'SIGKILL' | 'SIGSTOP';
}

/** Starts the aggregator on a test's topics; it ends with the test at the latest. */
export function startAggregator(
  { environment, atEnd }: Pick<TestTopics, 'environment' | 'atEnd'>,
  options: {
    readonly environment?: Readonly<Record<string, string>>;
    readonly args?: readonly string[];
    readonly nodeOptions?: readonly string[];
    readonly crash?: Crash;
  } = {},
): AppProcess {
  const { crash, args = [], nodeOptions = [] } = options;
  return startApp(CRASHING_AGGREGATOR, {
    args,
    nodeOptions,
    atEnd,
    environment: {
      ...environment,
      ...options.environment,
      ...(crash && {
        CRASH_POINT: crash.at,
        CRASH_COUNT: String(crash.count ?? 1),
        CRASH_SIGNAL: crash.signal ?? 'SIGKILL',
      }),
    },
  });
}
