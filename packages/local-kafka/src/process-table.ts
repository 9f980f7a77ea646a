import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

/** A process that can be told from a later one with the same, recycled pid. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Opaque; equal for the same process only, across reboots too. */
  readonly startTime: string;
}

/** One row of the process table. */
export interface ProcessEntry extends ProcessIdentity {
  readonly parentPid: number;
}

interface ProcStat {
  parentPid: number;
  isZombie: boolean;
  startTime: string;
}

const hasProc = process.platform === 'linux';
let bootId: string | undefined;

/**
 * The process that has this pid now, or undefined if there is none. A zombie counts as gone: it holds no port and no
 * file any more, and in a container without an init it may stay for ever.
 */
export function identifyProcess(pid: number): ProcessIdentity | undefined {
  const entry = readEntry(pid);
  return entry && { pid, startTime: entry.startTime };
}

/** Whether that very process, not another one with its pid, is still there. */
export function isAlive(identity: ProcessIdentity): boolean {
  return identifyProcess(identity.pid)?.startTime === identity.startTime;
}

/** Sends a signal to that very process; false if it is gone already. */
export function signalProcess(identity: ProcessIdentity, signal: NodeJS.Signals): boolean {
  if (!isAlive(identity)) return false;
  try {
    return process.kill(identity.pid, signal);
  } catch {
    return false;
  }
}

/** The processes that were started with `NAME=value` in their environment, as far as this user may see. */
export function findProcessesByEnvironment(name: string, value: string): ProcessEntry[] {
  const assignment = `${name}=${value}`;
  if (hasProc) {
    return readdirSync('/proc')
      .map(Number)
      .filter((pid) => Number.isInteger(pid) && hasEnvironment(pid, assignment))
      .map(readEntry)
      .filter((entry) => entry !== undefined);
  }
  return listWithPs()
    .filter(({ command }) => command.includes(` ${assignment}`))
    .map(({ pid, parentPid, startTime }) => ({ pid, parentPid, startTime }));
}

/** The command line and parent of a process, or undefined if it is gone. */
export function readCommandLine(pid: number): (ProcessEntry & { commandLine: string[] }) | undefined {
  const entry = readEntry(pid);
  if (entry === undefined) return undefined;
  try {
    const commandLine = hasProc
      ? readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').filter(Boolean)
      : runPs(['-ww', '-o', 'command=', '-p', String(pid)])
          .trim()
          .split(' ');
    return { ...entry, commandLine };
  } catch {
    return undefined;
  }
}

function readEntry(pid: number): ProcessEntry | undefined {
  if (!hasProc) {
    const row = listWithPs(['-p', String(pid)])[0];
    return row && { pid, parentPid: row.parentPid, startTime: row.startTime };
  }
  const stat = readProcStat(pid);
  return stat && !stat.isZombie ? { pid, parentPid: stat.parentPid, startTime: stat.startTime } : undefined;
}

/** proc_pid_stat(5): the second field is the name in parentheses and may itself hold blanks and parentheses. */
function readProcStat(pid: number): ProcStat | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    bootId ??= readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return {
      parentPid: Number(fields[1]),
      isZombie: fields[0] === 'Z' || fields[0] === 'X',
      startTime: `${bootId}:${fields[19] ?? ''}`,
    };
  } catch {
    return undefined;
  }
}

function hasEnvironment(pid: number, assignment: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').includes(assignment);
  } catch {
    // Another user's process, or one that has just ended.
    return false;
  }
}

/** macOS has no /proc: `-E` appends the environment to the command, `lstart` is 24 characters wide. */
function listWithPs(selection: string[] = ['-ax']): (ProcessEntry & { command: string })[] {
  return runPs([...selection, '-Eww', '-o', 'pid=,ppid=,state=,lstart=,command='])
    .split('\n')
    .map((line) => /^\s*(\d+)\s+(\d+)\s+(\S+)\s+(\w{3} .{20})\s(.*)$/.exec(line))
    .filter((match) => match !== null && !match[3]?.startsWith('Z'))
    .map((match) => ({
      pid: Number(match?.[1]),
      parentPid: Number(match?.[2]),
      startTime: match?.[4]?.trim() ?? '',
      command: match?.[5] ?? '',
    }));
}

function runPs(args: string[]): string {
  try {
    return execFileSync('ps', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  } catch {
    // ps exits with 1 when no process matches.
    return '';
  }
}
