import { tmpdir } from 'node:os';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { execaNode } from 'execa';
import { onTestFinished } from 'vitest';

/** One of the apps as a process of its own, run from source. */
export interface AppProcess {
  readonly stdout: readonly string[];
  readonly stderr: readonly string[];
  /** Resolves when a line on either stream satisfies the predicate. */
  waitForLine(isIt: (line: string) => boolean): Promise<string>;
  /** Resolves to the exit code. */
  readonly ended: Promise<number | undefined>;
  /** Sends SIGTERM and waits for the end. */
  stop(): Promise<number | undefined>;
}

/** Starts an app; it is ended with the test, if it has not ended by itself. */
export function startApp(
  app: 'producer' | 'aggregator' | 'results-consumer',
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
): AppProcess {
  const main = fileURLToPath(new URL(`../../apps/${app}/src/main.ts`, import.meta.url));
  const child = execaNode(main, args, {
    nodeOptions: ['--conditions=@clickstream/source'],
    // Away from the workspace and whatever .env is there.
    cwd: tmpdir(),
    env: environment,
    reject: false,
    buffer: false,
  });
  const stdout: string[] = [];
  const stderr: string[] = [];
  const waiting: { isIt: (line: string) => boolean; found: (line: string) => void }[] = [];
  const listen = (stream: NodeJS.ReadableStream, lines: string[]) => {
    createInterface({ input: stream }).on('line', (line) => {
      lines.push(line);
      for (const { isIt, found } of waiting) if (isIt(line)) found(line);
    });
  };
  listen(child.stdout, stdout);
  listen(child.stderr, stderr);
  const ended = child.then(({ exitCode }) => exitCode);
  const stop = () => {
    child.kill('SIGTERM');
    return ended;
  };
  onTestFinished(async () => {
    await stop();
  });
  return {
    stdout,
    stderr,
    ended,
    stop,
    waitForLine: (isIt) => {
      const known = [...stdout, ...stderr].find(isIt);
      if (known !== undefined) return Promise.resolve(known);
      const { promise, resolve } = Promise.withResolvers<string>();
      waiting.push({ isIt, found: resolve });
      const early = ended.then((code) => {
        throw new Error(`${app} ended with ${String(code)}: ${[...stderr, ...stdout].slice(-20).join('\n')}`);
      });
      return Promise.race([promise, early]);
    },
  };
}
