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
 * Ends every process of a session: the leaves of the process tree first, each asked once with SIGTERM, then what is
 * left above them; after `graceMs` whatever remains is killed.
 *
 * From the leaves up because launchers react to their child's end, or to a signal, by signalling its siblings again,
 * and a second signal tells many programs to skip their clean shutdown.
 */
export async function endSession(session: string, graceMs: number): Promise<void> {
  const deadline = performance.now() + graceMs;
  const asked = new Set<number>();
  for (;;) {
    const remaining = findSession(session);
    if (remaining.length === 0) return;
    if (performance.now() >= deadline) break;
    const leaves = remaining.filter(({ pid }) => !remaining.some((other) => other.parentPid === pid));
    for (const leaf of leaves.filter(({ pid }) => !asked.has(pid))) {
      asked.add(leaf.pid);
      signalProcess(leaf, 'SIGTERM');
      // A stopped process takes no SIGTERM before it is continued.
      signalProcess(leaf, 'SIGCONT');
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
