import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { findProcessesByEnvironment, runTool } from '@clickstream/local-kafka';

const SETTLED_STATES = ['Empty', 'CompleteCommit', 'CompleteAbort'];
const PATIENCE_MS = 15_000;
/** The process that ends what a killed runner has left. */
const GUARD = 'guard-main';
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

/**
 * @param traces of other processes: one of them is part of their command line.
 * @throws Error when a process that was started for this application is still there, or one with such a trace.
 */
export function assertNoProcess(applicationId: string, traces: readonly string[]): void {
  const started = findProcessesByEnvironment('APPLICATION_ID', applicationId).map(({ pid }) => pid);
  const traced = everyPid().filter((pid) => traces.some((trace) => commandLineOf(pid).includes(trace)));
  assertNone([...new Set([...started, ...traced])]);
}

/** @throws Error when the runner still has children, other than the one that looks after them. Linux only; elsewhere it does nothing. */
export function assertNoChild(): void {
  assertNone(
    everyPid().filter((pid) => parentOf(pid) === process.pid && !commandLineOf(pid).includes(GUARD)),
  );
}

function assertNone(pids: readonly number[]): void {
  if (pids.length > 0) throw new Error(`processes left: ${pids.map(commandOf).join(', ')}`);
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

/** The other ends of the connections that a process has to these ports, if they still belong to somebody, for {@link assertGone}. */
export function connectionsOf(pid: number, ports: readonly number[]): string[] {
  if (process.platform !== 'linux') return [];
  const own = new Set(socketsOf(pid));
  const all = connections();
  const from = new Set(
    all.filter(({ inode, remote }) => own.has(inode) && ports.includes(remote)).map(({ local }) => local),
  );
  return all
    .filter(({ local, remote, inode }) => ports.includes(local) && from.has(remote) && inode !== '0')
    .map(({ inode }) => inode);
}

/** @throws Error when one of these connections is still there after a while */
export async function assertGone(inodes: readonly string[]): Promise<void> {
  const startedAt = performance.now();
  for (let left = inodes; left.length > 0;) {
    const all = new Set(connections().map(({ inode }) => inode));
    left = left.filter((inode) => all.has(inode));
    if (left.length > 0 && performance.now() - startedAt > PATIENCE_MS)
      throw new Error(`${left.length} connections of apps that have ended are left`);
    await delay(200);
  }
}

/** A line of proc_net_tcp(5). */
interface Connection {
  readonly local: number;
  readonly remote: number;
  readonly state: string;
  /** `0` when it belongs to nobody any more. */
  readonly inode: string;
}

function connections(): Connection[] {
  const lines = ['/proc/net/tcp', '/proc/net/tcp6'].flatMap((file) =>
    readFileSync(file, 'utf8').split('\n').slice(1),
  );
  return lines.map((line) => {
    const [, local = '', remote = '', state = '', , , , , , inode = ''] = line.trim().split(/\s+/);
    return { local: portOf(local), remote: portOf(remote), state, inode };
  });
}

function connectionsTo(ports: readonly number[]): string[] {
  return connections()
    .filter(({ remote, state }) => state === ESTABLISHED && ports.includes(remote))
    .map(({ inode }) => inode);
}

function portOf(address: string): number {
  return Number.parseInt(address.split(':')[1] ?? '', 16);
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
  const owner = everyPid().find((pid) => socketsOf(pid).includes(inode));
  return owner === undefined ? 'nobody' : commandOf(owner);
}

/** None where /proc is not. */
function everyPid(): number[] {
  return process.platform === 'linux' ? readdirSync('/proc').map(Number).filter(Number.isInteger) : [];
}

/** @returns undefined for one that is over, even if nobody has taken note of its end. */
function parentOf(pid: number): number | undefined {
  try {
    const [state, parent] =
      /^\d+ \(.*\) (\S) (\d+)/s.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.slice(1) ?? [];
    return state === 'Z' || state === 'X' ? undefined : Number(parent);
  } catch {
    return undefined;
  }
}

function commandOf(pid: number): string {
  return `${pid} (${commandLineOf(pid).slice(0, 120)})`;
}

/** Empty for a process that is over. */
function commandLineOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return '';
  }
}
