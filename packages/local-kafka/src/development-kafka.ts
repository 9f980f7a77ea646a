import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { execa } from 'execa';
import { LOOPBACK } from './broker-config.ts';
import { guard } from './guard.ts';
import { KAFKA_VERSION } from './kafka-installation.ts';
import { isBrokerReady, probePort } from './kafka-probe.ts';
import { LocalKafkaError, type LocalKafkaErrorCode } from './local-kafka-error.ts';
import { displayPath, type LocalFolderOptions } from './local-folder.ts';
import { startDetachableBroker } from './start-broker.ts';
import { portTaken } from './broker-failure.ts';
import { endWard } from './ward.ts';

const CONNECT_TIMEOUT_MS = 3_000;
const COMPOSE_READY_DEADLINE_MS = 60_000;
/** Reasons for which another way to get a Kafka is tried. */
const JAVA_WAY_CLOSED: readonly LocalKafkaErrorCode[] = [
  'CLICKSTREAM_LOCAL_KAFKA_JAVA_MISSING',
  'CLICKSTREAM_LOCAL_KAFKA_JAVA_TOO_OLD',
  'CLICKSTREAM_LOCAL_KAFKA_MAVEN_MISSING',
];

/** The Kafka that `dev` works with. */
export interface DevelopmentKafka {
  readonly brokers: string;
  /** What to tell the person, one line. */
  readonly description: string;
  /** Resolves with the reason if it ends before it is stopped. */
  readonly failed: Promise<LocalKafkaError>;
  stop: () => Promise<void>;
}

/**
 * Finds a Kafka for `dev`: the one in KAFKA_BROKERS, else one from Java and Maven, else one from Docker Compose.
 * @throws LocalKafkaError with the three ways if none is open, or the reason why the one that is does not work.
 */
export async function startDevelopmentKafka(
  options: LocalFolderOptions & {
    readonly givenBrokers: string | undefined;
    readonly composeFile: string;
    /** The port that the compose file publishes. */
    readonly composePort: number;
    readonly announce: (line: string) => void;
  },
): Promise<DevelopmentKafka> {
  if (options.givenBrokers) return useGivenKafka(options.givenBrokers);
  try {
    const broker = await startDetachableBroker(
      { dataDir: options.dataDir, port: options.port },
      options.announce,
    );
    return {
      brokers: `localhost:${broker.port}`,
      description: `Kafka ${KAFKA_VERSION} is ready at localhost:${broker.port} (log: ${displayPath(broker.logFile)})`,
      failed: broker.failed,
      stop: broker.stop,
    };
  } catch (error) {
    if (!(error instanceof LocalKafkaError && JAVA_WAY_CLOSED.includes(error.code))) throw error;
    if (!(await hasDockerCompose(options.composeFile))) {
      throw new LocalKafkaError(
        'CLICKSTREAM_LOCAL_KAFKA_NO_WAY_TO_RUN',
        `no Kafka to be had: set KAFKA_BROKERS=host:port to use one that runs, or install Java 17 or newer with Maven (now: ${error.message}), or start Docker with Compose`,
        { cause: error },
      );
    }
    return startWithCompose(options);
  }
}

/** Only whether something accepts connections: TLS and SASL are the apps' business, whose messages are better. */
async function useGivenKafka(brokers: string): Promise<DevelopmentKafka> {
  const attempts = await Promise.all(brokers.split(',').map((address) => acceptsConnections(address.trim())));
  if (!attempts.includes(true)) {
    throw new LocalKafkaError(
      'CLICKSTREAM_LOCAL_KAFKA_BROKERS_UNREACHABLE',
      `KAFKA_BROKERS is ${brokers}, where nothing answers: start that Kafka, or unset KAFKA_BROKERS to have one started`,
    );
  }
  return {
    brokers,
    description: `using the Kafka at ${brokers} (KAFKA_BROKERS)`,
    failed: new Promise(() => undefined),
    stop: () => Promise.resolve(),
  };
}

function acceptsConnections(address: string): Promise<boolean> {
  const [, host, port] = /^\[?(.+?)\]?:(\d+)$/.exec(address) ?? [];
  if (host === undefined) return Promise.resolve(false);
  return new Promise((resolve) => {
    const socket = connect({ host, port: Number(port) });
    const finish = (accepted: boolean) => (): void => {
      socket.destroy();
      resolve(accepted);
    };
    socket.once('connect', finish(true)).once('error', finish(false));
    socket.setTimeout(CONNECT_TIMEOUT_MS, finish(false));
  });
}

async function hasDockerCompose(composeFile: string): Promise<boolean> {
  if (!existsSync(composeFile)) return false;
  const engine = await execa('docker', ['info'], { reject: false, stdin: 'ignore', timeout: 10_000 });
  const compose = await execa('docker', ['compose', 'version'], { reject: false, stdin: 'ignore' });
  return !engine.failed && !compose.failed;
}

async function startWithCompose(options: {
  readonly composeFile: string;
  readonly composePort: number;
  readonly announce: (line: string) => void;
}): Promise<DevelopmentKafka> {
  const { composeFile, composePort, announce } = options;
  const occupant = await probePort(LOOPBACK, composePort);
  if (occupant !== 'none') throw portTaken(composePort, occupant);
  announce('starting Kafka with Docker Compose');
  const ward = { kind: 'compose', composeFile } as const;
  const release = guard(ward);
  const stop = async (): Promise<void> => {
    await endWard(ward);
    release();
  };
  const logs = `docker compose --file ${composeFile} logs kafka`;
  const up = await execa('docker', ['compose', '--file', composeFile, 'up', '--detach', '--wait', 'kafka'], {
    reject: false,
    stdin: 'ignore',
  });
  const deadline = performance.now() + COMPOSE_READY_DEADLINE_MS;
  let isReady = false;
  while (!up.failed && !isReady && performance.now() < deadline) {
    isReady = await isBrokerReady(LOOPBACK, composePort);
    if (!isReady) await delay(200);
  }
  if (!isReady) {
    await stop();
    const reason = up.stderr.trim().split('\n').at(-1) ?? '';
    throw new LocalKafkaError(
      'CLICKSTREAM_LOCAL_KAFKA_START_FAILED',
      `Docker Compose did not bring up Kafka: see "${logs}"${reason === '' ? '' : `: ${reason}`}`,
    );
  }
  return {
    brokers: `localhost:${composePort}`,
    description: `Kafka in Docker Compose is ready at localhost:${composePort} (log: ${logs})`,
    failed: new Promise(() => undefined),
    stop,
  };
}
