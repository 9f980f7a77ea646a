import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { brokerProperties, LOOPBACK } from './broker-config.ts';
import { prepareDataDir, type ClusterNodeIdentity, type DataDir } from './data-dir.ts';
import type { KafkaInstallation } from './kafka-installation.ts';
import { isBrokerReady, probePort } from './kafka-probe.ts';
import type { LocalKafkaError } from './local-kafka-error.ts';
import { identifyProcess, type ProcessIdentity } from './process-table.ts';
import { environmentOutsideSession } from './session.ts';
import { explainBrokerFailure, portTaken } from './broker-failure.ts';
import { BROKER_GRACE_MS } from './ward.ts';

const READY_DEADLINE_MS = 90_000;
const READY_POLL_MS = 50;
const DEFAULT_HEAP_MB = 256;

/** What a broker process is started with. */
export interface BrokerJvmOptions {
  readonly dir: DataDir;
  readonly ports: { readonly broker: number; readonly controller: number };
  readonly config: Readonly<Record<string, string>> | undefined;
  readonly heapMb: number | undefined;
  readonly fileSizeLimitBlocks: number | undefined;
  readonly node: ClusterNodeIdentity | undefined;
  /** Called as soon as there is a process, long before it is ready. */
  readonly onSpawn: (identity: ProcessIdentity) => void;
}

/** How a broker's process ended. */
export interface BrokerExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** One run of the broker's process. */
export interface BrokerJvm {
  readonly identity: ProcessIdentity;
  readonly exited: Promise<BrokerExit>;
  /** Why it ended, if nobody asked it to. */
  readonly failed: Promise<LocalKafkaError>;
  signal: (signal: NodeJS.Signals) => void;
  kill: () => Promise<void>;
  stop: () => Promise<void>;
}

/**
 * Starts the broker's process and waits until it serves everything.
 * @throws LocalKafkaError with the reason why it does not.
 */
export async function startBrokerJvm(
  installation: KafkaInstallation,
  options: BrokerJvmOptions,
): Promise<BrokerJvm> {
  const { dir, ports } = options;
  const occupant = await probePort(LOOPBACK, ports.broker);
  if (occupant !== 'none') throw portTaken(ports.broker, occupant);
  prepareDataDir(dir, installation.bootstrapCheckpoint, options.node);
  writeFileSync(dir.properties, brokerProperties(dir, ports, options.config ?? {}));
  const logOffset = statSync(dir.logFile, { throwIfNoEntry: false })?.size ?? 0;

  const explain = (outcome: string): LocalKafkaError =>
    explainBrokerFailure({ dir, logOffset, port: ports.broker, outcome });

  const jvm = ownJvm(spawnJvm(installation, options));
  if (jvm === undefined) throw explain('did not start (no process)');
  options.onSpawn(jvm.identity);
  const outcome = await waitUntilReady(jvm, ports.broker);
  if (outcome === 'ready') {
    return {
      ...jvm,
      failed: jvm.exited.then((exit) => explain(`has ended by itself (${describeExit(exit)})`)),
    };
  }
  await jvm.kill();
  throw explain(`did not start (${outcome})`);
}

function describeExit({ code, signal }: BrokerExit): string {
  return signal ?? `exit code ${code ?? '?'}`;
}

async function waitUntilReady(jvm: Omit<BrokerJvm, 'failed'>, port: number): Promise<string> {
  let exit: BrokerExit | undefined;
  void jvm.exited.then((outcome) => {
    exit = outcome;
  });
  const deadline = performance.now() + READY_DEADLINE_MS;
  while (performance.now() < deadline) {
    if (await isBrokerReady(LOOPBACK, port)) return 'ready';
    if (exit !== undefined) return describeExit(exit);
    await delay(READY_POLL_MS);
  }
  return `not ready after ${READY_DEADLINE_MS / 1000} s`;
}

function spawnJvm(installation: KafkaInstallation, options: BrokerJvmOptions): ChildProcess {
  const { dir } = options;
  const command = [
    installation.java,
    `-Xmx${options.heapMb ?? DEFAULT_HEAP_MB}m`,
    '-XX:+UseSerialGC',
    // On two cores the optimising compiler takes more from start-up (0.7 s) and from the first minutes' throughput
    // (a fifth, kafka-producer-perf-test with 2 M records of 100 bytes) than it gives.
    '-XX:TieredStopAtLevel=1',
    // Shared-memory counters in /tmp that nobody reads and a killed JVM leaves behind.
    '-XX:-UsePerfData',
    '-XX:+ExitOnOutOfMemoryError',
    `-XX:ErrorFile=${join(dir.root, 'jvm-crash-%p.log')}`,
    `-Djava.io.tmpdir=${dir.temporary}`,
    `-Dlog4j2.configurationFile=${installation.brokerLog4j}`,
    `-Dkafka.log.file=${dir.logFile}`,
    '-cp',
    installation.classpath,
    'kafka.Kafka',
    dir.properties,
  ];
  const [file = '', ...args] =
    options.fileSizeLimitBlocks === undefined
      ? command
      : ['/bin/sh', '-c', 'ulimit -f "$0" && exec "$@"', String(options.fileSizeLimitBlocks), ...command];
  const output = openSync(dir.outputFile, 'w');
  try {
    return spawn(file, args, {
      // Its own process group, or Ctrl-C would take the broker away from apps that still want to commit.
      detached: true,
      // The broker outlives the apps of a session: it has its own way to end, see ward.ts.
      env: environmentOutsideSession(),
      cwd: dir.root,
      stdio: ['ignore', output, output],
    });
  } finally {
    closeSync(output);
  }
}

/** @returns undefined if the process could not be started at all. */
function ownJvm(child: ChildProcess): Omit<BrokerJvm, 'failed'> | undefined {
  const exited = new Promise<BrokerExit>((resolve) => {
    child.once('exit', (code, signal) => {
      resolve({ code, signal });
    });
  });
  child.on('error', () => undefined);
  // A broker alone keeps no process alive.
  child.unref();
  const identity = child.pid === undefined ? undefined : identifyProcess(child.pid);
  if (identity === undefined) return undefined;
  const signal = (name: NodeJS.Signals): void => {
    if (child.exitCode === null && child.signalCode === null) child.kill(name);
  };
  return {
    identity,
    exited,
    signal,
    kill: async () => {
      child.ref();
      signal('SIGKILL');
      await exited;
    },
    stop: async () => {
      child.ref();
      signal('SIGTERM');
      // In case it is paused.
      signal('SIGCONT');
      const timer = setTimeout(signal, BROKER_GRACE_MS, 'SIGKILL');
      await exited;
      clearTimeout(timer);
    },
  };
}
