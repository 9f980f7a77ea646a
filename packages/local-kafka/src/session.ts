import { setTimeout as delay } from 'node:timers/promises';
import { findProcessesByEnvironment, signalProcess } from './process-table.ts';

/**
 * Variable that every process under `dev` and `run` inherits. It is how they are found again: a process group or a
 * parent pid is lost as soon as a shell, a package manager or turbo starts a group of its own or dies in between.
 */
export const SESSION_VARIABLE = 'CLICKSTREAM_DEV_SESSION';

const POLL_MS = 50;

/** This process's environment without the mark, for what must not end together with the session's apps. */
export function environmentOutsideSession(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => name !== SESSION_VARIABLE));
}

/**
 * Ends every process of a session: SIGTERM for those that no other one of the session has started, and for each that
 * becomes such a one because its parent just died; after `graceMs` whatever remains is killed.
 *
 * From the top down because launchers (turbo, pnpm, node --watch) pass the request on and wait in good order, while
 * their children's deaths would be errors to them, which they report and answer with signals of their own. Each process
 * is asked once: a second signal tells many programs to skip their clean shutdown.
 */
export async function endSession(session: string, graceMs: number): Promise<void> {
  const deadline = performance.now() + graceMs;
  const asked = new Set<number>();
  for (;;) {
    const remaining = findSession(session);
    if (remaining.length === 0) return;
    if (performance.now() >= deadline) break;
    const pids = new Set(remaining.map(({ pid }) => pid));
    for (const top of remaining.filter(({ pid, parentPid }) => !pids.has(parentPid) && !asked.has(pid))) {
      asked.add(top.pid);
      signalProcess(top, 'SIGTERM');
      // A stopped process takes no SIGTERM before it is continued.
      signalProcess(top, 'SIGCONT');
    }
    await delay(POLL_MS);
  }
  // Again and again, because a process may have forked between the look and the kill.
  for (let remaining = findSession(session); remaining.length > 0; remaining = findSession(session)) {
    for (const entry of remaining) signalProcess(entry, 'SIGKILL');
    await delay(POLL_MS);
  }
}

function findSession(session: string): ReturnType<typeof findProcessesByEnvironment> {
  return findProcessesByEnvironment(SESSION_VARIABLE, session).filter(({ pid }) => pid !== process.pid);
}
