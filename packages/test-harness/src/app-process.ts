import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import type { AtEnd } from './test-topics.ts';
import { WatchedOutput } from './watched-output.ts';

/** The apps, as `pnpm APP` starts them. */
export type AppName = 'producer' | 'aggregator' | 'results-consumer';

/** An app that runs, in a process of its own or in that of the test. */
export interface RunningApp {
  /** Resolves when it has said `ready`; rejects if it ends before. */
  ready(): Promise<void>;
  /** Resolves to what matched on standard error, once it is there; rejects if it ends before. */
  says(pattern: RegExp): Promise<string>;
  /** Never rejects. */
  readonly ended: Promise<{ readonly exitCode: number | undefined; readonly stderr: string }>;
}

/** An app as a process of its own. */
export interface AppProcess extends RunningApp {
  readonly pid: number;
  /** What it has said on standard error so far. */
  readonly stderr: string;
  readonly hasEnded: boolean;
  /** Resolves when a SIGSTOP has taken effect; rejects if it ends before. */
  stopped(): Promise<void>;
  kill(signal: NodeJS.Signals): void;
  readonly ended: Promise<{
    readonly exitCode: number | undefined;
    readonly signal: string | undefined;
    readonly stderr: string;
  }>;
}

/** How to start an app. */
export interface AppProcessOptions {
  readonly environment: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
  /** Options of Node.js itself, such as `--max-old-space-size=256`. */
  readonly nodeOptions?: readonly string[];
  /** Told what ends the process, whatever became of it. */
  readonly atEnd: AtEnd;
}

/**
 * Starts an app from source, away from the workspace and whatever `.env` is there.
 *
 * @param program an app's name, or the path of a program that wraps one.
 */
export function startApp(
  program: AppName | `${string}.ts`,
  { environment, args = [], nodeOptions = [], atEnd }: AppProcessOptions,
): AppProcess {
  const file = program.endsWith('.ts')
    ? program
    : fileURLToPath(new URL(`../../../apps/${program}/src/main.ts`, import.meta.url));
  const child = execa(process.execPath, [...nodeOptions, '--conditions=@clickstream/source', file, ...args], {
    cwd: tmpdir(),
    env: { PATH: process.env['PATH'], ...environment },
    extendEnv: false,
    stdin: 'ignore',
    stdout: 'ignore',
    buffer: false,
    reject: false,
    // Whether an app ends by itself is what tests want to see.
    forceKillAfterDelay: false,
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
  atEnd(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  return {
    pid: child.pid ?? 0,
    get stderr() {
      return output.text;
    },
    get hasEnded() {
      return hasEnded;
    },
    ready: async () => {
      await output.says(/^ready/m);
    },
    says: (pattern) => output.says(pattern),
    stopped: async () => {
      while (!isStopped(child.pid)) {
        if (hasEnded) throw new Error(`the process ended instead of stopping:\n${output.text}`);
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
