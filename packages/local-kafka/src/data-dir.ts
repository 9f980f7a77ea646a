import { randomBytes } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { LocalKafkaError } from './local-kafka-error.ts';
import { isAlive } from './process-table.ts';
import { explainFolderError, MIN_FREE_MB, noDiskSpace } from './unusable-folder.ts';

/** Which node of which cluster a folder belongs to. */
export interface ClusterNodeIdentity {
  readonly id: number;
  readonly clusterId: string;
}

/** Where the things of one broker are, all under one folder. */
export interface DataDir {
  readonly root: string;
  readonly logs: string;
  readonly temporary: string;
  readonly properties: string;
  readonly logFile: string;
  readonly outputFile: string;
  readonly brokerFile: string;
}

const processSchema = z.object({ pid: z.int().positive(), startTime: z.string() });
const brokerRecordSchema = processSchema.extend({
  port: z.int(),
  /** The process that ends this broker when it ends itself; none for one that was started in the background. */
  owner: processSchema.optional(),
});

/** Who serves a data folder: a process, its port and its owner. */
export type BrokerRecord = z.infer<typeof brokerRecordSchema>;

/** The layout below a broker's folder. */
export function dataDirAt(root: string): DataDir {
  return {
    root,
    logs: join(root, 'data'),
    temporary: join(root, 'tmp'),
    properties: join(root, 'server.properties'),
    logFile: join(root, 'kafka.log'),
    outputFile: join(root, 'kafka.out'),
    brokerFile: join(root, 'broker.json'),
  };
}

/**
 * Makes a folder ready for a broker: creates and formats it when new, checks it when not.
 * @throws LocalKafkaError `…_DATA_DIR_UNWRITABLE`, `…_DATA_DIR_IN_USE`, `…_DATA_DIR_CORRUPT`, `…_NO_DISK_SPACE`.
 */
export function prepareDataDir(dir: DataDir, bootstrapCheckpoint: string, node?: ClusterNodeIdentity): void {
  try {
    const running = readBrokerRecord(dir);
    if (running !== undefined && isAlive(running)) {
      throw new LocalKafkaError(
        'CLICKSTREAM_LOCAL_KAFKA_DATA_DIR_IN_USE',
        `${dir.root} is in use by the Kafka on port ${running.port} (process ${running.pid}): stop that one first`,
        { logFile: dir.logFile },
      );
    }
    mkdirSync(dir.logs, { recursive: true });
    rmSync(dir.temporary, { recursive: true, force: true });
    mkdirSync(dir.temporary);
    writeFileSync(dir.outputFile, '');
    const { bavail, bsize } = statfsSync(dir.root);
    if (bavail * bsize < MIN_FREE_MB * 1024 * 1024) throw noDiskSpace(dir.root);
    format(dir, bootstrapCheckpoint, node);
  } catch (error) {
    throw explainFolderError(dir.root, error);
  }
}

/** What `kafka-storage format` does (KIP-631), less the JVM: two small files, the one that marks completion last. */
function format(dir: DataDir, bootstrapCheckpoint: string, node: ClusterNodeIdentity | undefined): void {
  const metaProperties = join(dir.logs, 'meta.properties');
  if (existsSync(metaProperties)) {
    if (!/^cluster\.id=\S+$/m.test(readFileSync(metaProperties, 'utf8'))) throw dataDirCorrupt(dir);
    return;
  }
  if (readdirSync(dir.logs).some((name) => name !== 'bootstrap.checkpoint')) throw dataDirCorrupt(dir);
  copyFileSync(bootstrapCheckpoint, join(dir.logs, 'bootstrap.checkpoint'));
  const draft = join(dir.root, 'meta.properties.draft');
  writeFileSync(
    draft,
    `version=1\nnode.id=${node?.id ?? 1}\ncluster.id=${node?.clusterId ?? randomKafkaUuid()}\ndirectory.id=${randomKafkaUuid()}\n`,
  );
  renameSync(draft, metaProperties);
}

/** Kafka's Uuid: 16 random bytes in URL-safe base64, never with a leading dash. */
export function randomKafkaUuid(): string {
  for (;;) {
    const uuid = randomBytes(16).toString('base64url');
    if (!uuid.startsWith('-')) return uuid;
  }
}

/** The record of who serves the folder, or undefined if there is none to be read. */
export function readBrokerRecord(dir: DataDir): BrokerRecord | undefined {
  try {
    return brokerRecordSchema.parse(JSON.parse(readFileSync(dir.brokerFile, 'utf8')));
  } catch {
    return undefined;
  }
}

/** Notes who serves the folder. */
export function writeBrokerRecord(dir: DataDir, record: BrokerRecord): void {
  writeFileSync(dir.brokerFile, JSON.stringify(record));
}

/** A data folder holds something that no Kafka can start from. */
export function dataDirCorrupt(dir: DataDir, detail?: string): LocalKafkaError {
  return new LocalKafkaError(
    'CLICKSTREAM_LOCAL_KAFKA_DATA_DIR_CORRUPT',
    `Kafka's data in ${dir.logs} is corrupt${detail === undefined ? '' : ` (${detail})`}: delete it with "pnpm local-kafka wipe", or move it away (log: ${dir.logFile})`,
    { logFile: dir.logFile },
  );
}
