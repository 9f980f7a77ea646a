import { Readable, Writable } from 'node:stream';
import { type RunningApp, type TestTopics, WatchedOutput } from '@clickstream/test-harness';
import { runAggregator } from '../src/app.ts';

/** The aggregator in the process of the test, which saves the time that a process takes to start. */
export interface AggregatorInProcess extends RunningApp {
  /** Tells it to stop, as SIGTERM does, and waits until it has. @throws Error unless it ends with 0. */
  stop(): Promise<void>;
}

/** Runs the aggregator on a test's topics; it ends with the test at the latest. */
export function runInProcess(
  topics: TestTopics,
  options: {
    readonly environment?: Readonly<Record<string, string>>;
    readonly args?: readonly string[];
  } = {},
): AggregatorInProcess {
  const stopping = new AbortController();
  const output = new WatchedOutput();
  const write = (chunk: Buffer, _: string, done: () => void) => {
    output.append(chunk.toString());
    done();
  };
  const ended = runAggregator({
    args: options.args ?? [],
    environment: { LOG_LEVEL: 'silent', ...topics.environment, ...options.environment },
    stdin: Readable.from([]),
    stdout: new Writable({ write }),
    stderr: new Writable({ write }),
    signal: stopping.signal,
  })
    .catch((error: unknown) => {
      // As runApp has it.
      output.append(error instanceof Error ? error.message : String(error));
      return 1;
    })
    .then((exitCode) => {
      output.end();
      return { exitCode, stderr: output.text };
    });
  const stop = async () => {
    stopping.abort();
    const { exitCode, stderr } = await ended;
    if (exitCode !== 0) throw new Error(`the aggregator ended with ${exitCode}:\n${stderr}`);
  };
  topics.atEnd(() => stop().catch(() => undefined));
  return {
    ready: async () => {
      await output.says(/^ready/m);
    },
    says: (pattern) => output.says(pattern),
    stop,
    ended,
  };
}
