import { rmSync } from 'node:fs';
import { readBrokerRecord, type DataDir } from './data-dir.ts';
import { isAlive } from './process-table.ts';
import { BROKER_GRACE_MS, endWard } from './ward.ts';

/** Clears away what a crash left: the record of a broker that is gone, or a broker whose owner is gone. Says so. */
export async function endOrphan(dir: DataDir, announce: (line: string) => void): Promise<void> {
  const record = readBrokerRecord(dir);
  if (record === undefined) return;
  if (!isAlive(record)) {
    announce(`process ${record.pid} ended without cleaning up; its data in ${dir.root} are used again`);
  } else if (record.owner !== undefined && !isAlive(record.owner)) {
    announce(`ending the Kafka that a crash left running (process ${record.pid})`);
    await endWard({ kind: 'process', process: record, graceMs: BROKER_GRACE_MS });
  } else {
    return;
  }
  rmSync(dir.brokerFile, { force: true });
}
