import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { findProcessesByEnvironment, runTool } from '@clickstream/local-kafka';

const SETTLED_STATES = ['Empty', 'CompleteCommit', 'CompleteAbort'];
const PATIENCE_MS = 15_000;
/** The state of proc_net_tcp(5) in which both sides may send. */
const ESTABLISHED = '01';

/** Transactions of an application that are neither committed nor aborted. */
async function openTransactions(brokers: string, applicationId: string): Promise<string[]> {
  const { stdout, stderr, exitCode } = await runTool('kafka-transactions', ['list'], { brokers });
  if (exitCode !== 0) throw new Error(`kafka-transactions: ${stderr}`);
  return stdout
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([id = '']) => id.startsWith(`${applicationId}-`))
    .filter((columns) => !columns.some((column) => SETTLED_STATES.includes(column)))
    .map((columns) => columns.join(' '));
}

/** @throws Error when a transaction stays open. */
export async function assertNoOpenTransaction(brokers: string, applicationId: string): Promise<void> {
  const startedAt = performance.now();
  for (;;) {
    const open = await openTransactions(brokers, applicationId);
    if (open.length === 0) return;
    if (performance.now() - startedAt > PATIENCE_MS)
      throw new Error(`transactions left open: ${open.join('; ')}`);
    await delay(500);
  }
}

/** @throws Error when a process that was started for this application is still there. */
export function assertNoProcess(applicationId: string): void {
  const left = findProcessesByEnvironment('APPLICATION_ID', applicationId);
  if (left.length > 0) throw new Error(`processes left: ${left.map(({ pid }) => commandOf(pid)).join(', ')}`);
}

/**
 * Makes sure that nobody but the brokers themselves is connected to these ports. Linux only; elsewhere it does nothing.
 *
 * @throws Error with the processes that are.
 */
export async function assertNoConnection(
  ports: readonly number[],
  brokerPids: readonly number[],
): Promise<void> {
  if (process.platform !== 'linux') return;
  const startedAt = performance.now();
  for (;;) {
    const own = new Set(brokerPids.flatMap(socketsOf));
    const left = connectionsTo(ports).filter((inode) => !own.has(inode));
    if (left.length === 0) return;
    if (performance.now() - startedAt > PATIENCE_MS)
      throw new Error(
        `${left.length} connections to the broker left open, by ${left.map(ownerOf).join(', ')}`,
      );
    await delay(200);
  }
}

/** Number of sockets that a process has open; undefined where /proc is not. */
export function countSockets(pid: number): number | undefined {
  return process.platform === 'linux' ? socketsOf(pid).length : undefined;
}

function connectionsTo(ports: readonly number[]): string[] {
  const lines = ['/proc/net/tcp', '/proc/net/tcp6'].flatMap((file) =>
    readFileSync(file, 'utf8').split('\n').slice(1),
  );
  return lines.flatMap((line) => {
    const [, , remote = '', state, , , , , , inode = ''] = line.trim().split(/\s+/);
    const port = Number.parseInt(remote.split(':')[1] ?? '', 16);
    return state === ESTABLISHED && ports.includes(port) ? [inode] : [];
  });
}

function socketsOf(pid: number): string[] {
  try {
    const folder = `/proc/${pid}/fd`;
    return readdirSync(folder).flatMap((descriptor) => {
      const inode = /^socket:\[(\d+)\]$/.exec(linkOf(`${folder}/${descriptor}`))?.[1];
      return inode === undefined ? [] : [inode];
    });
  } catch {
    return [];
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

function ownerOf(inode: string): string {
  for (const entry of readdirSync('/proc')) {
    const pid = Number(entry);
    if (!Number.isInteger(pid) || !socketsOf(pid).includes(inode)) continue;
    return commandOf(pid);
  }
  return 'nobody';
}

function commandOf(pid: number): string {
  try {
    return `${pid} (${readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').slice(0, 120)})`;
  } catch {
    return String(pid);
  }
}
