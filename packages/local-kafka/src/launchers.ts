import { basename } from 'node:path';
import { isAlive, readCommandLine, type ProcessIdentity } from './process-table.ts';

const LAUNCHERS = new Set(['npm', 'npx', 'pnpm', 'pnpx', 'corepack']);
const SHELLS = new Set(['sh', 'bash', 'dash', 'zsh', 'ash', 'busybox']);
const POLL_MS = 500;

/**
 * The chain of package managers that launched a process, with the shells between them (`npx → sh → pnpm → sh → node`),
 * nearest first. It ends at the outermost package manager: a person's own shell may go and leave its jobs behind.
 */
export function findLaunchers(pid: number): ProcessIdentity[] {
  const chain: (ProcessIdentity & { isShell: boolean })[] = [];
  let parentPid = readCommandLine(pid)?.parentPid;
  while (parentPid !== undefined && parentPid > 1) {
    const parent = readCommandLine(parentPid);
    if (parent === undefined) break;
    const kind = classify(parent.commandLine);
    if (kind === 'other') break;
    chain.push({ pid: parent.pid, startTime: parent.startTime, isShell: kind === 'shell' });
    parentPid = parent.parentPid;
  }
  while (chain.at(-1)?.isShell) chain.pop();
  return chain.map(({ pid, startTime }) => ({ pid, startTime }));
}

/**
 * Calls back once when a launcher has gone, which may happen without a signal ever reaching this process: by SIGKILL,
 * or a SIGTERM that was sent to the package manager alone.
 */
export function watchLaunchers(onGone: () => void): void {
  const launchers = findLaunchers(process.pid);
  const timer = setInterval(() => {
    if (launchers.every(isAlive)) return;
    clearInterval(timer);
    onGone();
  }, POLL_MS);
  timer.unref();
}

/** npm sets its title to `npm exec …`, which replaces its whole command line by that one text. */
function classify(commandLine: string[]): 'launcher' | 'shell' | 'other' {
  const [program = '', script = ''] = commandLine;
  const name = nameOf(program);
  if (SHELLS.has(name)) return 'shell';
  const isLauncher = LAUNCHERS.has(name) || (name === 'node' && LAUNCHERS.has(nameOf(script)));
  return isLauncher ? 'launcher' : 'other';
}

/** `/usr/lib/node_modules/pnpm/bin/pnpm.cjs` → `pnpm`, `npm exec pnpm@12 dev` → `npm`, `-bash` → `bash`. */
function nameOf(word: string): string {
  const [path = ''] = word.split(' ');
  return basename(path)
    .replace(/^-/, '')
    .replace(/(-cli)?\.[cm]?js$/, '');
}
