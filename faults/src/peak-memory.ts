import { readFileSync } from 'node:fs';

/**
 * The most memory that a process has had so far, in MB of resident set; undefined where /proc is not (`VmHWM` of
 * proc_pid_status(5)).
 */
export function peakMemoryMb(pid: number): number | undefined {
  if (process.platform !== 'linux') return undefined;
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Math.round(Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024);
}
