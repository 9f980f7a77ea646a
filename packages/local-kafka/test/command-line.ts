import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { spawn, type ChildProcessByStdio, type SpawnOptions } from 'node:child_process';
import type { Readable } from 'node:stream';
import { onTestFinished } from 'vitest';
import { findProcessesByEnvironment } from '../src/process-table.ts';

const MAIN = join(import.meta.dirname, '..', 'src', 'main.ts');

/** A command line that is running, or has run. */
export interface Run {
  readonly pid: number;
  readonly child: ChildProcessByStdio<null, Readable, Readable>;
  /** Both outputs so far. */
  readonly output: () => string;
  /** Resolves with them once they contain the text; rejects if it ends without. */
  printed: (text: string) => Promise<string>;
  readonly finished: Promise<{
    exitCode: number | null;
    signal: string | null;
    stdout: string;
    stderr: string;
  }>;
}

/** Starts the command line as a person would, `local-kafka ARGS…`. */
export function localKafka(args: readonly string[], options: SpawnOptions = {}): Run {
  return start([process.execPath, '--conditions=@clickstream/source', MAIN, ...args], options);
}

/** Starts any program; what is still there when the test ends is killed with its process group. */
export function start(command: readonly string[], options: SpawnOptions = {}): Run {
  const [file = '', ...args] = command;
  const child = spawn(file, args, { detached: true, ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  const pid = child.pid ?? 0;
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const finished = new Promise<Awaited<Run['finished']>>((resolve) => {
    child.once('close', (exitCode, signal) => {
      resolve({ exitCode, signal, stdout, stderr });
    });
  });
  onTestFinished(() => {
    if (child.exitCode === null && child.signalCode === null) process.kill(-pid, 'SIGKILL');
  });
  const printed = async (text: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        if ((stdout + stderr).includes(text)) resolve(stdout + stderr);
      };
      child.stdout.on('data', look);
      child.stderr.on('data', look);
      void finished.then(() => {
        reject(new Error(`ended without printing "${text}":\n${stdout}${stderr}`));
      });
      look();
    });
  return { pid, child, output: () => stdout + stderr, printed, finished };
}

/** A folder that goes with the test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'local-kafka-test-'));
  onTestFinished(() => {
    rmSync(folder, { recursive: true, force: true });
  });
  return folder;
}

/** Pids of the living processes whose environment holds this assignment; how a test finds all that it has started. */
export function processesWith(assignment: string): number[] {
  const [name = '', value = ''] = assignment.split('=');
  return findProcessesByEnvironment(name, value).map(({ pid }) => pid);
}
