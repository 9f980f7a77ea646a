import { basename } from 'node:path';

/**
 * How to start the pnpm that started this process, whichever way it was installed; otherwise the newest one of the
 * major version that the workspace is made for, fetched by npx.
 *
 * @param environment that of the process; pnpm leaves its own path in it.
 */
export function pnpmCommand(environment: NodeJS.ProcessEnv): readonly [string, ...string[]] {
  const executable = environment['npm_execpath'];
  if (executable === undefined || !basename(executable).startsWith('pnpm'))
    return ['npx', '--yes', 'pnpm@12'];
  return /\.[cm]?js$/.test(executable) ? [process.execPath, executable] : [executable];
}
