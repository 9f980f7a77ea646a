import { dataDirAt, readBrokerRecord } from '../data-dir.ts';
import { readGivenBrokers } from '../given-brokers.ts';
import { DEFAULT_FOLDER, DEFAULT_PORT, WORKSPACE_ROOT } from '../local-folder.ts';
import { finishOwnedCommand, startOwnedCommand } from '../owned-command.ts';
import { isAlive } from '../process-table.ts';
import { awaitStopRequest } from '../stop-request.ts';
import { toolCommand } from '../tools.ts';

/**
 * `tool NAME ARGS…`: one of the broker's own tools, against KAFKA_BROKERS (or that of `.env`) or else the local Kafka
 * unless the arguments name a broker. To be called once in the life of a process.
 * @returns its exit code.
 */
export async function tool(name: string, args: readonly string[]): Promise<number> {
  const stopRequest = awaitStopRequest();
  const brokers = defaultBrokers();
  const { file, argv } = await toolCommand(name, args, brokers);
  const owned = await startOwnedCommand([file, ...argv], { brokers, stdin: 'inherit' });
  return finishOwnedCommand(owned, stopRequest);
}

function defaultBrokers(): string {
  const given = readGivenBrokers(WORKSPACE_ROOT);
  if (given !== undefined) return given;
  const record = readBrokerRecord(dataDirAt(DEFAULT_FOLDER));
  return `localhost:${record !== undefined && isAlive(record) ? record.port : DEFAULT_PORT}`;
}
