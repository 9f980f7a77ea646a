import { resolve } from 'node:path';
import { dataDirAt, readBrokerRecord } from '../data-dir.ts';
import { KAFKA_VERSION } from '../kafka-installation.ts';
import { LocalKafkaError } from '../local-kafka-error.ts';
import { displayPath, type LocalFolderOptions } from '../local-folder.ts';
import { endOrphan } from '../orphan.ts';
import { isAlive } from '../process-table.ts';
import { startDetachableBroker } from '../start-broker.ts';

/** `start`: a broker in the background, which lives until `stop`. Starting it twice is no error. */
export async function start(
  options: LocalFolderOptions & { readonly announce: (line: string) => void },
): Promise<void> {
  const { announce } = options;
  const dir = dataDirAt(resolve(options.dataDir));
  await endOrphan(dir, announce);
  const running = readBrokerRecord(dir);
  if (running !== undefined && isAlive(running)) {
    if (running.port !== options.port) {
      throw new LocalKafkaError(
        'CLICKSTREAM_LOCAL_KAFKA_ALREADY_RUNNING',
        `the Kafka of ${dir.root} is running on port ${running.port}: stop it first to have it on ${options.port}`,
      );
    }
    announce(
      `Kafka ${KAFKA_VERSION} is running already at localhost:${running.port} (process ${running.pid})`,
    );
    return;
  }
  const broker = await startDetachableBroker({ dataDir: dir.root, port: options.port }, announce);
  broker.detach();
  announce(
    `Kafka ${KAFKA_VERSION} is ready at localhost:${broker.port} (process ${broker.pid}, log: ${displayPath(broker.logFile)})`,
  );
}
