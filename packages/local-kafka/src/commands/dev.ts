import { join } from 'node:path';
import { dataDirAt } from '../data-dir.ts';
import { startDevelopmentKafka } from '../development-kafka.ts';
import { readGivenBrokers } from '../given-brokers.ts';
import { LocalKafkaError } from '../local-kafka-error.ts';
import { DEFAULT_PORT, type LocalFolderOptions } from '../local-folder.ts';
import { acquireLock } from '../lock-file.ts';
import { endOrphan } from '../orphan.ts';
import { startOwnedCommand } from '../owned-command.ts';
import { awaitStopRequest } from '../stop-request.ts';

/**
 * `dev -- COMMAND`: runs the apps against a Kafka that is there when they start and goes after they have gone. To be
 * called once in the life of a process.
 * @returns 0 when asked to stop, else the command's exit code.
 * @throws LocalKafkaError if there is no Kafka, or no longer.
 */
export async function dev(
  command: readonly string[],
  options: LocalFolderOptions & {
    readonly workspaceRoot: string;
    readonly announce: (line: string) => void;
  },
): Promise<number> {
  const { announce } = options;
  const stopRequest = awaitStopRequest();
  const lock = acquireLock(join(options.dataDir, 'dev.lock'));
  if (!lock.acquired) {
    throw new LocalKafkaError(
      'CLICKSTREAM_LOCAL_KAFKA_ALREADY_RUNNING',
      `dev is running already (process ${lock.owner.pid}): stop it there with Ctrl-C first`,
    );
  }
  if (lock.wasStale) announce('the last dev was killed; its lock has been cleared away');
  try {
    await endOrphan(dataDirAt(options.dataDir), announce);
    const starting = startDevelopmentKafka({
      ...options,
      givenBrokers: readGivenBrokers(options.workspaceRoot),
      composeFile: join(options.workspaceRoot, 'docker-compose.yml'),
      composePort: DEFAULT_PORT,
    });
    const early = await Promise.race([stopRequest, starting.then(() => undefined)]);
    // The guard ends a broker that is still starting as soon as this process is gone.
    if (early !== undefined) return 0;
    const kafka = await starting;
    try {
      announce(kafka.description);
      const owned = await startOwnedCommand(command, { brokers: kafka.brokers, stdin: 'ignore' });
      const outcome = await Promise.race([stopRequest.then(() => 0), owned.exitCode, kafka.failed]);
      await owned.end();
      if (outcome instanceof LocalKafkaError) throw outcome;
      return outcome;
    } finally {
      await kafka.stop();
    }
  } finally {
    lock.release();
  }
}
