import type { Readable } from 'node:stream';
import { describeError, KafkaClientError } from './error.ts';
import { withDotEnv, type Environment } from './environment.ts';

/** All that an app gets of its process, so that it can be run as well by a test. */
export interface AppContext {
  /** The arguments after the program's name. */
  readonly args: readonly string[];
  /** The environment, completed by `.env`. */
  readonly environment: Environment;
  readonly stdin: Readable;
  readonly stdout: AppOutput;
  readonly stderr: AppOutput;
  /** Aborts on SIGTERM, SIGINT and SIGHUP, and when nobody reads standard output any more. */
  readonly signal: AbortSignal;
}

/** An output stream that knows whether a person is looking. */
export type AppOutput = NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number };

/** An app: does its work until it is done or its signal aborts, and resolves to the exit code. */
export type App = (context: AppContext) => Promise<number>;

/** How long an app may take to stop after a signal before it is ended by force. */
const STOP_DEADLINE_MS = 8_000;
/** A terminal, pnpm and a supervisor may each pass on the same Ctrl-C. */
const SAME_SIGNAL_MS = 1_000;
/** What an app leaves open after it ended has this long to close. */
const LINGER_MS = 500;

/**
 * Runs an app as the process `host`: signals abort it, its result is the exit code, and whatever it throws
 * becomes one line on standard error and exit code 1. Called once, by `main.ts`.
 */
export async function runApp(host: NodeJS.Process, app: App): Promise<void> {
  const controller = new AbortController();
  let stoppedAt = 0;
  const stop = (signal: string) => {
    stoppedAt = performance.now();
    controller.abort(signal);
    setTimeout(() => {
      host.stderr.write(`not stopped ${STOP_DEADLINE_MS / 1000} s after ${signal}: ending by force\n`);
      host.exit(1);
    }, STOP_DEADLINE_MS).unref();
  };
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const)
    host.on(signal, () => {
      if (!controller.signal.aborted) stop(signal);
      else if (performance.now() - stoppedAt > SAME_SIGNAL_MS) host.exit(1);
    });
  // `| head` closes the pipe when it has seen enough, which is no failure.
  host.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    if (!controller.signal.aborted) stop('the end of the pipe');
  });
  host.stderr.on('error', () => undefined);
  const crash = (error: unknown) => {
    host.stderr.write(`${explain(error)}\n`);
    host.exit(1);
  };
  host.on('uncaughtException', crash);
  host.on('unhandledRejection', crash);

  try {
    host.exitCode = await app({
      args: host.argv.slice(2),
      environment: withDotEnv(host.env, host.cwd()),
      stdin: host.stdin,
      stdout: host.stdout,
      stderr: host.stderr,
      signal: controller.signal,
    });
  } catch (error) {
    host.stderr.write(`${explain(error)}\n`);
    host.exitCode = 1;
  }
  // Once all is written. Left to end by itself, Node.js takes the signal handlers away before it takes its memory apart, and a
  // signal in between makes a failure of work that is done.
  host.once('beforeExit', () => host.exit());
  setTimeout(() => host.exit(), LINGER_MS).unref();
}

/** What a person needs: our own errors say what to do, others come with the place they were thrown at. */
function explain(error: unknown): string {
  if (error instanceof KafkaClientError) return error.message;
  return error instanceof Error && error.stack ? error.stack : describeError(error);
}
