import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import getPort from 'get-port';
import { brokerProperties, LOOPBACK } from './broker-config.ts';
import { dataDirAt, prepareDataDir, type DataDir } from './data-dir.ts';
import { guard } from './guard.ts';
import { isBrokerReady, probePort } from './kafka-probe.ts';
import { resolveKafkaInstallation, type KafkaInstallation } from './kafka-installation.ts';
import { LocalKafkaError } from './local-kafka-error.ts';
import { identifyProcess, type ProcessIdentity } from './process-table.ts';
import { environmentOutsideSession } from './session.ts';
import { BROKER_GRACE_MS } from './ward.ts';
import { explainFailedStart, portTaken } from './start-failure.ts';

const READY_DEADLINE_MS = 90_000;
const READY_POLL_MS = 50;
const STOP_DEADLINE_MS = 10_000;
const PORT_ATTEMPTS = 5;
const DEFAULT_HEAP_MB = 256;

/** How to start a broker; every field has a default that suits a test. */
export interface StartBrokerOptions {
  /** Folder of its data and logs, kept afterwards. Default: a temporary one, deleted by `stop`. */
  readonly dataDir?: string;
  /** Default: a free one. */
  readonly port?: number;
  /** Extra lines of `server.properties`, which win over the package's own. */
  readonly config?: Readonly<Record<string, string>>;
  /** Java heap, default 256 MB; the process takes about 150 MB more. */
  readonly heapMb?: number;
  /** `ulimit -f` in blocks of 512 bytes: no file of the broker can grow beyond it, which is what a full disk looks like. */
  readonly fileSizeLimitBlocks?: number;
}

/** How a broker's process ended. */
export interface BrokerExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A broker of this process: it ends when this process does, however that happens. */
export interface Broker {
  /** Bootstrap list, `127.0.0.1:PORT`. */
  readonly brokers: string;
  readonly port: number;
  /** Process id of the JVM; another one after `restart`. */
  readonly pid: number;
  readonly dataDir: string;
  readonly logFile: string;
  /** Settles when the present JVM has ended, never rejects; a new promise after `restart`. */
  readonly exited: Promise<BrokerExit>;
  /** Ends it cleanly (SIGTERM, after 10 s SIGKILL) and deletes its data if they are temporary. Can be repeated. */
  stop: () => Promise<void>;
  /** SIGKILL; the data stay, and `restart` continues with them. */
  kill: () => Promise<void>;
  /** SIGSTOP: connections stay open and nothing is answered. */
  pause: () => void;
  /** SIGCONT after `pause`. */
  resume: () => void;
  /** Starts it again on the same data and port, stopping it cleanly first if it runs. Throws after `stop` of temporary data. */
  restart: () => Promise<void>;
}

/**
 * Starts a real Apache Kafka on the loopback interface and resolves once it serves metadata, groups and transactions
 * (about 3 s).
 * @throws LocalKafkaError with the reason and what to do.
 */
export async function startBroker(options: StartBrokerOptions = {}): Promise<Broker> {
  const installation = await resolveKafkaInstallation(process.env);
  const isTemporary = options.dataDir === undefined;
  const dir = dataDirAt(
    options.dataDir === undefined
      ? mkdtempSync(join(tmpdir(), 'clickstream-kafka-'))
      : resolve(options.dataDir),
  );
  try {
    const started = await startOnFreePort(installation, dir, options, isTemporary);
    const { port } = started;
    let { jvm } = started;
    return {
      brokers: `${LOOPBACK}:${port}`,
      port,
      get pid() {
        return jvm.identity.pid;
      },
      dataDir: dir.root,
      logFile: dir.logFile,
      get exited() {
        return jvm.exited;
      },
      stop: async () => {
        await jvm.stop();
        if (isTemporary) await rm(dir.root, { recursive: true, force: true });
      },
      kill: async () => {
        await jvm.kill();
      },
      pause: () => {
        jvm.signal('SIGSTOP');
      },
      resume: () => {
        jvm.signal('SIGCONT');
      },
      restart: async () => {
        await jvm.stop();
        jvm = await startJvm(installation, dir, port, options, isTemporary);
      },
    };
  } catch (error) {
    if (isTemporary && !(error instanceof LocalKafkaError && error.logFile !== undefined)) {
      rmSync(dir.root, { recursive: true, force: true });
    }
    throw error;
  }
}

async function startOnFreePort(
  installation: KafkaInstallation,
  dir: DataDir,
  options: StartBrokerOptions,
  isTemporary: boolean,
): Promise<{ jvm: Jvm; port: number }> {
  if (options.port !== undefined) {
    const jvm = await startJvm(installation, dir, options.port, options, isTemporary);
    return { jvm, port: options.port };
  }
  for (let attempt = 1; ; attempt++) {
    const port = await findFreePort();
    try {
      return { jvm: await startJvm(installation, dir, port, options, isTemporary), port };
    } catch (error) {
      const wasTaken =
        error instanceof LocalKafkaError && error.code === 'CLICKSTREAM_LOCAL_KAFKA_PORT_TAKEN';
      if (!wasTaken || attempt === PORT_ATTEMPTS) throw error;
    }
  }
}

/**
 * A free port below the range that systems hand out to outgoing connections (32768 up on Linux, 49152 up on macOS):
 * otherwise a client that reconnects while the broker is down may be given the broker's own port.
 */
async function findFreePort(): Promise<number> {
  const candidates = Array.from({ length: 20 }, () => 15_000 + Math.floor(Math.random() * 15_000));
  return getPort({ port: candidates, host: LOOPBACK });
}

interface Jvm {
  readonly identity: ProcessIdentity;
  readonly exited: Promise<BrokerExit>;
  signal: (signal: NodeJS.Signals) => void;
  stop: () => Promise<void>;
  kill: () => Promise<void>;
}

async function startJvm(
  installation: KafkaInstallation,
  dir: DataDir,
  port: number,
  options: StartBrokerOptions,
  isTemporary: boolean,
): Promise<Jvm> {
  const occupant = await probePort(LOOPBACK, port);
  if (occupant !== 'none') throw portTaken(port, occupant);
  prepareDataDir(dir, installation.bootstrapCheckpoint);
  const ports = { broker: port, controller: await findFreePort() };
  writeFileSync(dir.properties, brokerProperties(dir, ports, options.config ?? {}));
  const logOffset = statSync(dir.logFile, { throwIfNoEntry: false })?.size ?? 0;

  const child = spawnJvm(installation, dir, options);
  const exited = new Promise<BrokerExit>((resolve) => {
    child.once('exit', (code, signal) => {
      resolve({ code, signal });
    });
  });
  const identity = child.pid === undefined ? undefined : identifyProcess(child.pid);
  if (identity === undefined) {
    throw explainFailedStart({ dir, logOffset, port, outcome: 'its process did not come up' });
  }
  const release = guard({
    kind: 'process',
    process: identity,
    // Nobody will read temporary data again, so there is nothing to close cleanly.
    graceMs: isTemporary ? 0 : BROKER_GRACE_MS,
    ...(isTemporary && { temporaryDir: dir.root }),
  });
  writeFileSync(dir.brokerFile, JSON.stringify({ ...identity, port }));
  const jvm = ownJvm(child, identity, exited, () => {
    release();
    rmSync(dir.brokerFile, { force: true });
  });
  let hasExited: BrokerExit | undefined;
  void exited.then((exit) => {
    hasExited = exit;
  });
  const deadline = performance.now() + READY_DEADLINE_MS;
  while (!(await isBrokerReady(LOOPBACK, port))) {
    if (hasExited !== undefined) {
      const outcome = `exit ${hasExited.signal ?? hasExited.code ?? '?'}`;
      await jvm.kill();
      throw explainFailedStart({ dir, logOffset, port, outcome });
    }
    if (performance.now() > deadline) {
      await jvm.kill();
      throw explainFailedStart({
        dir,
        logOffset,
        port,
        outcome: `not ready after ${READY_DEADLINE_MS / 1000} s`,
      });
    }
    await delay(READY_POLL_MS);
  }
  return jvm;
}

function spawnJvm(installation: KafkaInstallation, dir: DataDir, options: StartBrokerOptions): ChildProcess {
  const heapMb = options.heapMb ?? DEFAULT_HEAP_MB;
  const command = [
    installation.java,
    `-Xmx${heapMb}m`,
    '-XX:+UseSerialGC',
    '-XX:TieredStopAtLevel=1',
    '-Xshare:auto',
    // Shared-memory counters in /tmp that nobody reads and a killed JVM leaves behind.
    '-XX:-UsePerfData',
    '-XX:+ExitOnOutOfMemoryError',
    `-XX:ErrorFile=${join(dir.root, 'jvm-crash-%p.log')}`,
    `-Djava.io.tmpdir=${dir.temporary}`,
    '-Djava.awt.headless=true',
    `-Dlog4j2.configurationFile=${installation.brokerLog4j}`,
    `-Dkafka.log.file=${dir.logFile}`,
    '-cp',
    installation.classpath,
    'kafka.Kafka',
    dir.properties,
  ];
  const limited =
    options.fileSizeLimitBlocks === undefined
      ? command
      : ['/bin/sh', '-c', 'ulimit -f "$0" && exec "$@"', String(options.fileSizeLimitBlocks), ...command];
  const output = openSync(dir.outputFile, 'w');
  try {
    const child = spawn(limited[0] ?? '', limited.slice(1), {
      // Its own process group, or Ctrl-C would take the broker away from apps that still want to commit.
      detached: true,
      // The broker outlives the apps of a session: it has its own way to end, see ward.ts.
      env: environmentOutsideSession(),
      cwd: dir.root,
      stdio: ['ignore', output, output],
    });
    child.on('error', () => undefined);
    child.unref();
    return child;
  } finally {
    closeSync(output);
  }
}

function ownJvm(
  child: ChildProcess,
  identity: ProcessIdentity,
  exited: Promise<BrokerExit>,
  onGone: () => void,
): Jvm {
  const isRunning = (): boolean => child.exitCode === null && child.signalCode === null;
  const kill = async (): Promise<void> => {
    child.ref();
    if (isRunning()) child.kill('SIGKILL');
    await exited;
    onGone();
  };
  return {
    identity,
    exited,
    signal: (signal) => {
      if (isRunning()) child.kill(signal);
    },
    kill,
    stop: async () => {
      child.ref();
      if (isRunning()) {
        child.kill('SIGTERM');
        // In case it is paused.
        child.kill('SIGCONT');
        const timer = setTimeout(() => child.kill('SIGKILL'), STOP_DEADLINE_MS);
        await exited;
        clearTimeout(timer);
      }
      onGone();
    },
  };
}
