import { rmSync } from 'node:fs';
import { dataDirAt, readBrokerRecord } from '../data-dir.ts';
import { LocalKafkaError } from '../local-kafka-error.ts';
import { endOrphan } from '../orphan.ts';
import { isAlive } from '../process-table.ts';
import { BROKER_GRACE_MS, endWard } from '../ward.ts';

/**
 * `stop`: ends the broker that `start` left running and keeps its data. Without one there is nothing to do.
 * @throws LocalKafkaError if it belongs to a `dev` that is running.
 */
export async function stop(dataDir: string, announce: (line: string) => void): Promise<void> {
  const dir = dataDirAt(dataDir);
  await endOrphan(dir, announce);
  const record = readBrokerRecord(dir);
  if (record === undefined) {
    announce('Kafka is not running');
    return;
  }
  if (record.owner !== undefined && isAlive(record.owner)) {
    throw new LocalKafkaError(
      'CLICKSTREAM_LOCAL_KAFKA_ALREADY_RUNNING',
      `Kafka belongs to the dev of process ${record.owner.pid} and ends with it: stop that one with Ctrl-C`,
    );
  }
  await endWard({ kind: 'process', process: record, graceMs: BROKER_GRACE_MS });
  rmSync(dir.brokerFile, { force: true });
  announce(`Kafka has stopped (data kept in ${dir.root})`);
}
