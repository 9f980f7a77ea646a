import { PassThrough } from 'node:stream';
import { app } from '../src/app.ts';

/** What the app did when it was run in this process to its end. */
export interface AppRun {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs the app in this process, which began long before, to its end.
 *
 * @param until sees what is on standard output so far and tells when to stop the app.
 */
export async function runInProcess(
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
  until: (stdout: string) => boolean = () => false,
): Promise<AppRun> {
  const controller = new AbortController();
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  let printed = '';
  let said = '';
  stdout.setEncoding('utf8').on('data', (text: string) => {
    printed += text;
    if (until(printed)) controller.abort();
  });
  stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const exitCode = await app({
    args,
    environment,
    stdin: new PassThrough(),
    stdout,
    stderr,
    signal: controller.signal,
  });
  return { exitCode, stdout: printed, stderr: said };
}
