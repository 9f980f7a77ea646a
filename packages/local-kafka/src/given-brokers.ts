import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';

/** `KAFKA_BROKERS` if it is given, by the environment or else by the workspace's `.env`, as it is for the apps. */
export function readGivenBrokers(workspaceRoot: string): string | undefined {
  const given = process.env['KAFKA_BROKERS'];
  if (given) return given;
  try {
    const inFile = parseEnv(readFileSync(join(workspaceRoot, '.env'), 'utf8'))['KAFKA_BROKERS'];
    return inFile === '' ? undefined : inFile;
  } catch {
    return undefined;
  }
}
