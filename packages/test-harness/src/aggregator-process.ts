import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { CrashPoint } from '@clickstream/kafka-client';
import { execa } from 'execa';
import type { TestTopics } from './test-topics.ts';
import { WatchedOutput } from './watched-output.ts';

const CRASHING_AGGREGATOR = fileURLToPath(
  new URL('../../../apps/aggregator/test/crashing-aggregator.ts', import.meta.url),
);

/** A moment at which the process sends itself a signal: SIGKILL unless told otherwise. */
export interface Crash {
  readonly at: CrashPoint;
  /** Which time one of its tasks comes there; the first one unless told otherwise. */
  readonly count?: number;
  readonly signal?: 'SIGKILL' | 'SIGSTOP';
}

/** An aggregator that runs, in a process of its own or in that of the test. */
export interface Aggregator {
  /** Resolves when it has said `ready`; rejects if it ends before. */
  ready(): Promise<void>;
  /** Resolves to what matched on standard error, once it is there; rejects if it ends before. */
  says(pattern: RegExp): Promise<string>;
  /** Never rejects. */
  readonly ended: Promise<{ readonly exitCode: number | undefined; readonly stderr: string }>;
}

/** The aggregator as a process of its own. */
export interface AggregatorProcess extends Aggregator {
  /** Resolves when a SIGSTOP has taken effect; rejects if it ends before. */
  stopped(): Promise<void>;
  kill(signal: NodeJS.Signals): void;
  readonly ended: Promise<{
    readonly exitCode: number | undefined;
    readonly signal: string | undefined;
    readonly stderr: string;
  }>;
}

/** Starts the aggregator on a test's topics; it ends with the test at the latest. */
export function startAggregator(
  topics: TestTopics,
  options: { readonly environment?: Readonly<Record<string, string>>; readonly crash?: Crash } = {},
): AggregatorProcess {
  const { environment, crash } = options;
  const child = execa(process.execPath, ['--conditions=@clickstream/source', CRASHING_AGGREGATOR], {
    // Away from the workspace and whatever .env is there.
    cwd: tmpdir(),
    env: {
      PATH: process.env['PATH'],
      ...topics.environment,
      ...environment,
      ...(crash && {
        CRASH_POINT: crash.at,
        CRASH_COUNT: String(crash.count ?? 1),
        CRASH_SIGNAL: crash.signal ?? 'SIGKILL',
      }),
    },
    extendEnv: false,
    stdin: 'ignore',
    stdout: 'ignore',
    buffer: false,
    reject: false,
  });
  const output = new WatchedOutput();
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    output.append(text);
  });
  let hasEnded = false;
  const ended = child.then(({ exitCode, signal }) => {
    hasEnded = true;
    output.end();
    return { exitCode, signal, stderr: output.text };
  });
  topics.atEnd(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  return {
    ready: async () => {
      await output.says(/^ready/m);
    },
    says: (pattern) => output.says(pattern),
    stopped: async () => {
      while (!isStopped(child.pid)) {
        if (hasEnded) throw new Error(`the aggregator ended instead of stopping:\n${output.text}`);
        await delay(50);
      }
    },
    kill: (signal) => {
      child.kill(signal);
    },
    ended,
  };
}

/** Whether a process is in the state `T` (stopped by a signal) of proc(5). */
function isStopped(pid: number | undefined): boolean {
  try {
    return /^\d+ \(.*\) T /.test(readFileSync(`/proc/${pid ?? 0}/stat`, 'utf8'));
  } catch {
    return false;
  }
}
