import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { onTestFinished } from 'vitest';

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url));

/** The results consumer as a process of its own, as a person runs it. */
export interface ResultsConsumerProcess {
  readonly pid: number;
  /** Resolves when it has said `ready`; rejects if it ends before. */
  ready(): Promise<void>;
  /** The first `count` lines of standard output, once they are there; rejects if it ends before. */
  lines(count: number): Promise<string[]>;
  /** Resolves when standard error has that text; rejects if it ends before. */
  says(text: string): Promise<void>;
  /** Where the dashboard is, once it says so on standard error; rejects if it ends before. */
  dashboard(): Promise<string>;
  kill(signal: NodeJS.Signals): void;
  /** Closes our end of its standard output, as `head` does. */
  closeOutput(): void;
  /** Stops reading its standard output until the test ends, as a terminal that is scrolled back. */
  stopReading(): void;
  /** Resolves when it has ended. */
  readonly ended: Promise<{
    readonly exitCode: number | undefined;
    readonly stdout: string;
    readonly stderr: string;
  }>;
}

/**
 * Starts `results-consumer ARGS` with this environment and nothing of ours; it ends with the test at the latest.
 *
 * @param atEnd the `onTestFinished` of a test that runs beside others.
 */
export function startResultsConsumer(
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
  atEnd: (tidyUp: () => Promise<void>) => void = onTestFinished,
): ResultsConsumerProcess {
  const child = execa(process.execPath, ['--conditions=@clickstream/source', MAIN, ...args], {
    // Away from the workspace and whatever .env is there.
    cwd: tmpdir(),
    env: { PATH: process.env['PATH'], ...environment },
    extendEnv: false,
    stdin: 'ignore',
    buffer: false,
    reject: false,
  });
  let stdout = '';
  let stderr = '';
  let hasEnded = false;
  const changes = new Set<() => void>();
  const changed = () => {
    for (const look of changes) look();
  };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    changed();
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
    changed();
  });
  const ended = child.then(({ exitCode }) => {
    hasEnded = true;
    changed();
    return { exitCode, stdout, stderr };
  });
  atEnd(async () => {
    child.kill('SIGKILL');
    await ended;
  });

  const until = <Value>(look: () => Value | undefined): Promise<Value> =>
    new Promise((resolve, reject) => {
      const lookAgain = () => {
        const found = look();
        if (found === undefined && !hasEnded) return;
        changes.delete(lookAgain);
        if (found !== undefined) resolve(found);
        else reject(new Error(`it ended before that\nstdout: ${stdout}\nstderr: ${stderr}`));
      };
      changes.add(lookAgain);
      lookAgain();
    });

  return {
    pid: child.pid ?? 0,
    ready: async () => {
      await until(() => (/^ready/m.test(stderr) ? true : undefined));
    },
    lines: (count) =>
      until(() => {
        const lines = stdout.split('\n').slice(0, -1);
        return lines.length >= count ? lines.slice(0, count) : undefined;
      }),
    says: async (text) => {
      await until(() => (stderr.includes(text) ? true : undefined));
    },
    dashboard: () => until(() => /^ready: dashboard at (\S+)$/m.exec(stderr)?.[1]),
    kill: (signal) => {
      child.kill(signal);
    },
    closeOutput: () => {
      child.stdout.destroy();
    },
    stopReading: () => {
      child.stdout.pause();
    },
    ended,
  };
}
