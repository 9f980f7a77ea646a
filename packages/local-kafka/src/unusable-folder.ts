import { LocalKafkaError } from './local-kafka-error.ts';

/** With less than this Kafka may start and then fail at the first topic: it pre-allocates its index files. */
export const MIN_FREE_MB = 64;

/** There is no room left in a folder. */
export function noDiskSpace(
  folder: string,
  details: { cause?: unknown; logFile?: string } = {},
): LocalKafkaError {
  return new LocalKafkaError(
    'CLICKSTREAM_LOCAL_KAFKA_NO_DISK_SPACE',
    `no disk space for Kafka in ${folder}: free some (at least ${MIN_FREE_MB} MB) and start again`,
    details,
  );
}

/** What to tell about a file operation that failed in a folder; anything that is no such failure is handed back as it is. */
export function explainFolderError(folder: string, error: unknown): unknown {
  if (!(error instanceof Error) || !('code' in error) || !('syscall' in error)) return error;
  if (error.code === 'ENOSPC' || error.code === 'EDQUOT') return noDiskSpace(folder, { cause: error });
  return new LocalKafkaError(
    'CLICKSTREAM_LOCAL_KAFKA_DATA_DIR_UNWRITABLE',
    `cannot write in ${folder} (${String(error.code)}): it must be a folder that you may write in`,
    { cause: error },
  );
}
