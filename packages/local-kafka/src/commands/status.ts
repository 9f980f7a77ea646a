import { LOOPBACK } from '../broker-config.ts';
import { dataDirAt, readBrokerRecord } from '../data-dir.ts';
import { KAFKA_VERSION } from '../kafka-installation.ts';
import { isBrokerReady, probePort } from '../kafka-probe.ts';
import { displayPath, type LocalFolderOptions } from '../local-folder.ts';
import { isAlive } from '../process-table.ts';

/**
 * `status`: one line on the local Kafka.
 * @returns 0 if it runs and is ready, else 1.
 */
export async function status(
  options: LocalFolderOptions & { readonly announce: (line: string) => void },
): Promise<number> {
  const dir = dataDirAt(options.dataDir);
  const record = readBrokerRecord(dir);
  if (record !== undefined && isAlive(record)) {
    const where = `at localhost:${record.port} (process ${record.pid}, log: ${displayPath(dir.logFile)})`;
    const isReady = await isBrokerReady(LOOPBACK, record.port);
    options.announce(
      isReady ? `Kafka ${KAFKA_VERSION} is running ${where}` : `Kafka does not answer ${where}`,
    );
    return isReady ? 0 : 1;
  }
  const occupant = await probePort(LOOPBACK, options.port);
  const stranger = { none: '', kafka: 'another Kafka', other: 'another program' }[occupant];
  options.announce(
    `Kafka is not running${stranger === '' ? '' : `, but ${stranger} is using port ${options.port}`}`,
  );
  return 1;
}
