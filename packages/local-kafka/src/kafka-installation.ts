import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { execa } from 'execa';
import { findJava } from './java.ts';
import { LocalKafkaError } from './local-kafka-error.ts';
import { acquireLock } from './lock-file.ts';
import { explainFolderError } from './unusable-folder.ts';

/** The Apache Kafka release that `kafka/pom.xml` pins. */
export const KAFKA_VERSION = '4.3.1';

/** Beside `src/` and `dist/`, so that it is the same path from both. */
const RESOURCES = join(import.meta.dirname, '..', 'kafka');
const LOCK_RETRY_MS = 200;
const LOCK_DEADLINE_MS = 300_000;

/** What it takes to run the broker and its tools. */
export interface KafkaInstallation {
  readonly java: string;
  readonly classpath: string;
  /** First records of a new cluster (metadata version and features), as `kafka-storage format` writes them. */
  readonly bootstrapCheckpoint: string;
  readonly brokerLog4j: string;
  readonly toolsLog4j: string;
}

/**
 * Finds Java and the cached Kafka, fetching it through Maven the first time (45 MB, once per user and version);
 * afterwards neither Maven nor a network is needed. Safe in several processes at once.
 * @throws LocalKafkaError `…_JAVA_MISSING`, `…_JAVA_TOO_OLD`, `…_MAVEN_MISSING`, `…_MAVEN_FAILED`,
 * or what is wrong with the cache folder.
 */
export async function resolveKafkaInstallation(
  environment: NodeJS.ProcessEnv,
  announce: (line: string) => void = () => undefined,
): Promise<KafkaInstallation> {
  const java = await findJava(environment);
  const home = kafkaCacheDir(environment);
  if (!existsSync(home)) await fillCache(home, java, environment, announce);
  return {
    java,
    classpath: join(home, 'jars', '*'),
    bootstrapCheckpoint: join(home, 'bootstrap.checkpoint'),
    brokerLog4j: join(RESOURCES, 'broker-log4j2.properties'),
    toolsLog4j: join(RESOURCES, 'tools-log4j2.properties'),
  };
}

/** Where this version of Kafka is cached for this user: XDG_CACHE_HOME, else the platform's usual place. */
export function kafkaCacheDir(environment: NodeJS.ProcessEnv): string {
  const home = environment['HOME'] ?? homedir();
  const caches =
    environment['XDG_CACHE_HOME'] ??
    (process.platform === 'darwin' ? join(home, 'Library', 'Caches') : join(home, '.cache'));
  const pomHash = createHash('sha256')
    .update(readFileSync(join(RESOURCES, 'pom.xml')))
    .digest('hex')
    .slice(0, 12);
  return join(caches, 'clickstream', `kafka-${KAFKA_VERSION}-${pomHash}`);
}

async function fillCache(
  home: string,
  java: string,
  environment: NodeJS.ProcessEnv,
  announce: (line: string) => void,
): Promise<void> {
  const deadline = Date.now() + LOCK_DEADLINE_MS;
  let lock = acquireLock(`${home}.lock`);
  // Two Mavens at once would fetch everything twice into the same local repository.
  while (!lock.acquired && Date.now() < deadline) {
    await delay(LOCK_RETRY_MS);
    lock = acquireLock(`${home}.lock`);
  }
  if (!lock.acquired) {
    throw new LocalKafkaError(
      'CLICKSTREAM_LOCAL_KAFKA_MAVEN_FAILED',
      `process ${lock.owner.pid} has been fetching Kafka for ${LOCK_DEADLINE_MS / 60_000} minutes: end it and try again`,
    );
  }
  try {
    if (existsSync(home)) return;
    announce(`fetching Kafka ${KAFKA_VERSION} from Maven Central into ${home} (once, 45 MB)`);
    mkdirSync(join(home, '..'), { recursive: true });
    const draft = mkdtempSync(`${home}.`);
    try {
      await copyJars(join(draft, 'jars'), draft, environment);
      await writeBootstrapCheckpoint(draft, java);
      // Renamed in one step, so that a folder with this name is always complete.
      if (!existsSync(home)) renameSync(draft, home);
    } finally {
      rmSync(draft, { recursive: true, force: true });
    }
  } catch (error) {
    throw explainFolderError(home, error);
  } finally {
    lock.release();
  }
}

async function copyJars(target: string, workDir: string, environment: NodeJS.ProcessEnv): Promise<void> {
  const pom = join(workDir, 'pom.xml');
  // Maven writes a target folder beside the pom that it is given.
  cpSync(join(RESOURCES, 'pom.xml'), pom);
  const maven = await execa(
    'mvn',
    [
      '--quiet',
      '--batch-mode',
      '--file',
      pom,
      'dependency:copy-dependencies',
      '-DincludeScope=runtime',
      `-DoutputDirectory=${target}`,
    ],
    { env: environment, cwd: workDir, reject: false, stdin: 'ignore', cleanup: true },
  );
  if (!maven.failed) return;
  if (maven.code === 'ENOENT') {
    throw new LocalKafkaError(
      'CLICKSTREAM_LOCAL_KAFKA_MAVEN_MISSING',
      `no Maven ("mvn") in PATH: install it (for example "apt-get install maven" or "brew install maven"); it fetches Kafka ${KAFKA_VERSION} once and is not needed afterwards`,
    );
  }
  // Maven colours its output even when quiet.
  // eslint-disable-next-line no-control-regex
  const output = `${maven.stdout}\n${maven.stderr}`.replaceAll(/\u001b\[[0-9;]*m/g, '');
  const reason = /\[ERROR\] (.*)/.exec(output)?.[1] ?? maven.shortMessage ?? '';
  throw new LocalKafkaError(
    'CLICKSTREAM_LOCAL_KAFKA_MAVEN_FAILED',
    `Maven could not fetch Kafka ${KAFKA_VERSION}; check the network, the disk and Maven's settings.xml, then try again: ${reason.slice(0, 300)}`,
    { cause: maven },
  );
}

/**
 * Formats a storage folder once and keeps its only file that does not depend on the cluster, so that a new broker
 * needs no second JVM to format its own (about 1 s each).
 */
async function writeBootstrapCheckpoint(draft: string, java: string): Promise<void> {
  const dataDir = join(draft, 'format');
  const properties = join(draft, 'format.properties');
  writeFileSync(
    properties,
    [
      'process.roles=broker,controller',
      'node.id=1',
      'controller.quorum.voters=1@127.0.0.1:9093',
      'controller.listener.names=CONTROLLER',
      'listeners=PLAINTEXT://127.0.0.1:9092,CONTROLLER://127.0.0.1:9093',
      `log.dirs=${dataDir}`,
    ].join('\n'),
  );
  await execa(java, [
    '-XX:TieredStopAtLevel=1',
    '-cp',
    join(draft, 'jars', '*'),
    'kafka.tools.StorageTool',
    'format',
    '--cluster-id',
    'AAAAAAAAAAAAAAAAAAAAAA',
    '--config',
    properties,
  ]);
  cpSync(join(dataDir, 'bootstrap.checkpoint'), join(draft, 'bootstrap.checkpoint'));
  rmSync(dataDir, { recursive: true });
  rmSync(properties);
}
