import { finishOwnedCommand, startOwnedCommand } from '../owned-command.ts';
import { startDetachableBroker } from '../start-broker.ts';
import { awaitStopRequest, STOP_EXIT_CODES } from '../stop-request.ts';

/**
 * `run -- COMMAND`: a throw-away broker for one command, or the cluster in TEST_KAFKA_BROKERS. To be called once in the
 * life of a process.
 * @returns the command's exit code.
 */
export async function run(command: readonly string[], announce: (line: string) => void): Promise<number> {
  const stopRequest = awaitStopRequest();
  const cluster = process.env['TEST_KAFKA_BROKERS'];
  const starting = cluster ? Promise.resolve(undefined) : startDetachableBroker({}, announce);
  const early = await Promise.race([stopRequest, starting.then(() => undefined)]);
  // The guard ends a broker that is still starting as soon as this process is gone.
  if (early !== undefined) return STOP_EXIT_CODES[early];
  const broker = await starting;
  try {
    const brokers = broker?.brokers ?? cluster ?? '';
    const owned = await startOwnedCommand(command, { brokers, stdin: 'inherit' });
    return await finishOwnedCommand(owned, stopRequest);
  } finally {
    await broker?.stop();
  }
}
