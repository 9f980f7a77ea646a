import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

/** A program under measurement, running as a process of its own. */
export interface BenchProcess {
  readonly pid: number;
  /** Asks it to stop (SIGTERM) and waits until it has. */
  stop(): Promise<void>;
  /** Ends it at once (SIGKILL) and waits until it is gone. */
  kill(): Promise<void>;
}

interface ChildProcess extends PromiseLike<{ readonly exitCode?: number | undefined }> {
  readonly pid?: number | undefined;
  readonly stderr: Readable;
  kill(signal: 'SIGTERM' | 'SIGKILL'): boolean;
}

/** Waits until a child says `ready` on standard error. @throws Error with what it said when it ends instead */
export async function superviseProcess(name: string, child: ChildProcess): Promise<BenchProcess> {
  const lines: string[] = [];
  const { promise: ready, resolve } = Promise.withResolvers<undefined>();
  createInterface({ input: child.stderr }).on('line', (line) => {
    lines.push(line);
    if (line.startsWith('ready')) resolve(undefined);
  });
  await Promise.race([
    ready,
    child.then(({ exitCode }) => {
      throw new Error(`${name} ended with ${String(exitCode)}: ${lines.slice(-20).join('\n')}`);
    }),
  ]);
  const end = (signal: 'SIGTERM' | 'SIGKILL') => async () => {
    child.kill(signal);
    await child;
  };
  return { pid: child.pid ?? 0, stop: end('SIGTERM'), kill: end('SIGKILL') };
}
