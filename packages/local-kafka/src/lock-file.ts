import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { z } from 'zod';
import { identifyProcess, isAlive, type ProcessIdentity } from './process-table.ts';
import { explainFolderError } from './unusable-folder.ts';

const ownerSchema = z.object({ pid: z.int().positive(), startTime: z.string() });

/** The outcome of {@link acquireLock}: held by this process now, or by the named other one. */
export type LockAttempt =
  | {
      readonly acquired: true;
      /** Whether a lock left by a process that is gone was in the way. */
      readonly wasStale: boolean;
      readonly release: () => void;
    }
  | { readonly acquired: false; readonly owner: ProcessIdentity };

/**
 * Takes a lock that ends with its owner: the file names the owner's pid and start time, and one whose owner is gone
 * is taken over, so that nobody has to delete a file after a crash.
 * @throws LocalKafkaError `…_DATA_DIR_UNWRITABLE` or `…_NO_DISK_SPACE`.
 */
export function acquireLock(path: string): LockAttempt {
  const self = identifyProcess(process.pid);
  if (self === undefined) throw new Error('this process is not in the process table');
  const draft = `${path}.${process.pid}`;
  try {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(draft, JSON.stringify({ pid: self.pid, startTime: self.startTime }));
  } catch (error) {
    throw explainFolderError(dirname(path), error);
  }
  try {
    let wasStale = false;
    for (;;) {
      try {
        // link(2) fails if the name exists, and what it makes is complete from the start; open(O_EXCL) would show
        // others an empty lock for a moment.
        linkSync(draft, path);
        return {
          acquired: true,
          wasStale,
          release: () => {
            rmSync(path, { force: true });
          },
        };
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
      const owner = readLockOwner(path);
      if (owner !== undefined && isAlive(owner)) return { acquired: false, owner };
      removeStale(path);
      wasStale = true;
    }
  } finally {
    rmSync(draft, { force: true });
  }
}

/** Moves the stale lock away before deleting it: another process may have replaced it by its own in the meantime. */
function removeStale(path: string): void {
  const aside = `${path}.${process.pid}.stale`;
  try {
    renameSync(path, aside);
    const moved = readLockOwner(aside);
    if (moved !== undefined && isAlive(moved)) linkSync(aside, path);
  } catch {
    // Somebody else was faster; the next round of the caller's loop sees what they did.
  } finally {
    rmSync(aside, { force: true });
  }
}

function readLockOwner(path: string): ProcessIdentity | undefined {
  try {
    return ownerSchema.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch {
    return undefined;
  }
}
