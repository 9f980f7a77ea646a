import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { dataDirAt, readBrokerRecord } from '../data-dir.ts';
import { LocalKafkaError } from '../local-kafka-error.ts';
import { acquireLock } from '../lock-file.ts';
import { endOrphan } from '../orphan.ts';
import { isAlive } from '../process-table.ts';
import { runTool } from '../tools.ts';

/**
 * `wipe`: deletes the data of the local Kafka, which must not be running. With TEST_KAFKA_BROKERS it deletes exactly the
 * named topics of that cluster instead, never all of them: it may be somebody's.
 * @throws LocalKafkaError if there is anything that it had better not delete.
 */
export async function wipe(
  topics: readonly string[],
  dataDir: string,
  announce: (line: string) => void,
): Promise<void> {
  const cluster = process.env['TEST_KAFKA_BROKERS'];
  await (cluster ? deleteTopics(cluster, topics, announce) : deleteData(topics, dataDir, announce));
}

async function deleteData(
  topics: readonly string[],
  dataDir: string,
  announce: (line: string) => void,
): Promise<void> {
  if (topics.length > 0) {
    throw new LocalKafkaError(
      'CLICKSTREAM_LOCAL_KAFKA_USAGE',
      'wipe takes topics only together with TEST_KAFKA_BROKERS; without it, it deletes all local data',
    );
  }
  const dir = dataDirAt(dataDir);
  const lock = acquireLock(join(dir.root, 'dev.lock'));
  if (!lock.acquired) {
    throw new LocalKafkaError(
      'CLICKSTREAM_LOCAL_KAFKA_DATA_DIR_IN_USE',
      `dev is running (process ${lock.owner.pid}): stop it with Ctrl-C first`,
    );
  }
  try {
    await endOrphan(dir, announce);
    const record = readBrokerRecord(dir);
    if (record !== undefined && isAlive(record)) {
      throw new LocalKafkaError(
        'CLICKSTREAM_LOCAL_KAFKA_DATA_DIR_IN_USE',
        `Kafka is running on these data (process ${record.pid}): stop it first with "pnpm local-kafka stop"`,
      );
    }
    // Not the folder as a whole: --data-dir may name one that holds other things too.
    for (const path of [dir.logs, dir.temporary, dir.properties, dir.outputFile, dir.brokerFile]) {
      await rm(path, { recursive: true, force: true });
    }
    for (const suffix of ['', '.1', '.2']) await rm(`${dir.logFile}${suffix}`, { force: true });
    announce(`deleted Kafka's data in ${dir.root}`);
  } finally {
    lock.release();
  }
}

async function deleteTopics(
  cluster: string,
  topics: readonly string[],
  announce: (line: string) => void,
): Promise<void> {
  const isHarmless = topics.every((topic) => /^(?!__)[\w.-]+$/.test(topic));
  if (topics.length === 0 || !isHarmless) {
    throw new LocalKafkaError(
      'CLICKSTREAM_LOCAL_KAFKA_USAGE',
      `TEST_KAFKA_BROKERS is ${cluster}: name the topics to delete there, "wipe TOPIC…"; Kafka's own are left alone`,
    );
  }
  for (const topic of topics) {
    // The tool takes a pattern, in which a dot would stand for any character.
    const args = ['--delete', '--topic', topic.replaceAll('.', '\\.')];
    const { exitCode, stderr, stdout } = await runTool('kafka-topics', args, { brokers: cluster });
    if (exitCode !== 0) {
      const reason = `${stderr}\n${stdout}`.trim().split('\n')[0] ?? '';
      throw new LocalKafkaError(
        'CLICKSTREAM_LOCAL_KAFKA_USAGE',
        `could not delete ${topic} at ${cluster}: ${reason}`,
      );
    }
    announce(`deleted ${topic} at ${cluster}`);
  }
}
