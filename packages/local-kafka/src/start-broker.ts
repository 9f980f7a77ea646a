import { mkdtempSync, rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { LOOPBACK } from './broker-config.ts';
import { startBrokerJvm, type BrokerExit, type BrokerJvm } from './broker-jvm.ts';
import { dataDirAt, writeBrokerRecord, type ClusterNodeIdentity } from './data-dir.ts';
import { findFreePort } from './find-free-port.ts';
import { guard } from './guard.ts';
import { resolveKafkaInstallation } from './kafka-installation.ts';
import { probePort } from './kafka-probe.ts';
import { LocalKafkaError } from './local-kafka-error.ts';
import { identifyProcess } from './process-table.ts';
import { BROKER_GRACE_MS } from './ward.ts';

const PORT_ATTEMPTS = 5;

/** How to start a broker; every field has a default that suits a test. */
export interface StartBrokerOptions {
  /** Folder of its data and logs, kept afterwards. Default: a temporary one, deleted by `stop`. */
  readonly dataDir?: string;
  /** Default: a free one. */
  readonly port?: number;
  /** Extra lines of `server.properties`, which win over the package's own. */
  readonly config?: Readonly<Record<string, string>>;
  /** Java heap, default 256 MB; the process takes about 100 MB more. */
  readonly heapMb?: number;
  /** `ulimit -f` in blocks of 512 bytes: no file of the broker can grow beyond it, which is what a full disk looks like. */
  readonly fileSizeLimitBlocks?: number;
  /** Makes it a node of a cluster, whose settings are in `config`; see `startCluster`. */
  readonly node?: ClusterNodeIdentity;
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
  /** Ends it cleanly (SIGTERM, after 4 s SIGKILL) and deletes its data if they are temporary. Can be repeated. */
  stop: () => Promise<void>;
  /** SIGKILL; the data stay, and `restart` continues with them. */
  kill: () => Promise<void>;
  /** SIGSTOP: connections stay open and nothing is answered. */
  pause: () => void;
  /** SIGCONT after `pause`. */
  resume: () => void;
  /**
   * Starts it again on the same data and port: 3 s, or 5 s after `kill`. Stops it cleanly first if it runs; after `stop`
   * of temporary data it starts empty.
   */
  restart: () => Promise<void>;
}

/** What only the command line does with a broker. */
export interface DetachableBroker extends Broker {
  /** Resolves when it has ended, with the reason if nobody asked it to. */
  readonly failed: Promise<LocalKafkaError>;
  /** Lets it live on when this process ends. */
  detach: () => void;
}

/**
 * Starts a real Apache Kafka on the loopback interface and resolves once it serves metadata, groups and transactions
 * (about 3 s). It does not keep this process alive, and ends with it.
 * @throws LocalKafkaError with the reason and what to do.
 */
export async function startBroker(options: StartBrokerOptions = {}): Promise<Broker> {
  return startDetachableBroker(options);
}

/** {@link startBroker} for the command line, which says on stderr when the first fetch makes it slow. */
export async function startDetachableBroker(
  options: StartBrokerOptions,
  announce?: (line: string) => void,
): Promise<DetachableBroker> {
  const installation = await resolveKafkaInstallation(process.env, announce);
  const isTemporary = options.dataDir === undefined;
  const root =
    options.dataDir === undefined
      ? mkdtempSync(join(tmpdir(), 'clickstream-kafka-'))
      : resolve(options.dataDir);
  const dir = dataDirAt(root);
  const releases: (() => void)[] = [];

  const start = async (port: number): Promise<BrokerJvm> =>
    startBrokerJvm(installation, {
      dir,
      ports: { broker: port, controller: await findFreePort() },
      config: options.config,
      heapMb: options.heapMb,
      fileSizeLimitBlocks: options.fileSizeLimitBlocks,
      node: options.node,
      onSpawn: (identity) => {
        releases.push(
          guard({
            kind: 'process',
            process: identity,
            // Nobody will read temporary data again, so there is nothing to close cleanly.
            graceMs: isTemporary ? 0 : BROKER_GRACE_MS,
            removePath: isTemporary ? root : dir.brokerFile,
          }),
        );
        writeBrokerRecord(dir, { ...identity, port, owner: identifyProcess(process.pid) });
      },
    });
  const releaseAll = (): void => {
    for (const release of releases.splice(0)) release();
  };

  let jvm: BrokerJvm;
  let port = options.port ?? (await findFreePort());
  for (let attempt = 1; ; attempt++) {
    try {
      jvm = await start(port);
      break;
    } catch (error) {
      const mayRetry =
        attempt < PORT_ATTEMPTS &&
        error instanceof LocalKafkaError &&
        error.code === 'CLICKSTREAM_LOCAL_KAFKA_PORT_TAKEN' &&
        // With a given port that is free, somebody took the controller's.
        (options.port === undefined || (await probePort(LOOPBACK, port)) === 'none');
      if (!mayRetry) {
        // Without a process of ours, the folder may be another broker's.
        if (releases.length > 0) rmSync(dir.brokerFile, { force: true });
        // The log stays, because the error names it.
        if (isTemporary) rmSync(dir.logs, { recursive: true, force: true });
        releaseAll();
        throw error;
      }
      port = options.port ?? (await findFreePort());
    }
  }

  return {
    brokers: `${LOOPBACK}:${port}`,
    port,
    get pid() {
      return jvm.identity.pid;
    },
    dataDir: root,
    logFile: dir.logFile,
    get exited() {
      return jvm.exited;
    },
    get failed() {
      return jvm.failed;
    },
    stop: async () => {
      await jvm.stop();
      await rm(isTemporary ? root : dir.brokerFile, { recursive: true, force: true });
      releaseAll();
    },
    kill: () => jvm.kill(),
    pause: () => {
      jvm.signal('SIGSTOP');
    },
    resume: () => {
      jvm.signal('SIGCONT');
    },
    restart: async () => {
      await jvm.stop();
      jvm = await start(port);
    },
    detach: () => {
      releaseAll();
      writeBrokerRecord(dir, { ...jvm.identity, port });
    },
  };
}
