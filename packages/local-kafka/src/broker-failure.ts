import { closeSync, fstatSync, openSync, readFileSync, readSync } from 'node:fs';
import { dataDirCorrupt, type DataDir } from './data-dir.ts';
import { LocalKafkaError } from './local-kafka-error.ts';
import { noDiskSpace } from './unusable-folder.ts';

const MAX_LOG_BYTES = 1024 * 1024;

/** Where a broker's lines begin in a log that goes back further, and what became of it. */
export interface BrokerFailure {
  readonly dir: DataDir;
  readonly logOffset: number;
  readonly port: number;
  /** Such as "did not start (exit code 1)". */
  readonly outcome: string;
}

/** Turns what a broker wrote before it gave up into the one line that says what to do. */
export function explainBrokerFailure(failure: BrokerFailure): LocalKafkaError {
  const { dir, port } = failure;
  const log = `${readFrom(dir.logFile, failure.logOffset)}\n${readFileSync(dir.outputFile, 'utf8')}`;
  const found = (pattern: RegExp): string | undefined => pattern.exec(log)?.[0];

  if (found(/Address already in use|BindException/)) return portTaken(port, 'other');
  if (found(/No space left on device|Disk quota exceeded|File too large/)) {
    return noDiskSpace(dir.root, { logFile: dir.logFile });
  }
  if (found(/Failed to acquire lock on file/)) {
    return new LocalKafkaError(
      'CLICKSTREAM_LOCAL_KAFKA_DATA_DIR_IN_USE',
      `another Kafka is using ${dir.root}: stop that one first`,
      { logFile: dir.logFile },
    );
  }
  if (found(/AccessDeniedException|Permission denied|Read-only file system/)) {
    return new LocalKafkaError(
      'CLICKSTREAM_LOCAL_KAFKA_DATA_DIR_UNWRITABLE',
      `Kafka may not write in ${dir.root}: make that folder and all in it yours (log: ${dir.logFile})`,
      { logFile: dir.logFile },
    );
  }
  if (found(/Could not reserve enough space|Cannot allocate memory|OutOfMemoryError/)) {
    return new LocalKafkaError(
      'CLICKSTREAM_LOCAL_KAFKA_START_FAILED',
      `Kafka did not get enough memory: close other programs and try again (log: ${dir.logFile})`,
      { logFile: dir.logFile },
    );
  }
  const corruption = found(
    /[^\n]*(?:CorruptRecordException|CorruptIndexException|InvalidRecordException|meta\.properties|InconsistentClusterId|checkpoint file|quorum-state|failed to validate the (?:batch|record)|is corrupt)[^\n]*/i,
  );
  if (corruption !== undefined) return dataDirCorrupt(dir, shorten(corruption));
  const reason = found(/[^\n]*(?:ConfigException|Exception in thread|FATAL|ERROR)[^\n]*/) ?? '';
  return new LocalKafkaError(
    'CLICKSTREAM_LOCAL_KAFKA_START_FAILED',
    `Kafka ${failure.outcome}: see ${dir.logFile}${reason === '' ? '' : `: ${shorten(reason)}`}`,
    { logFile: dir.logFile },
  );
}

/** The port is taken, by a Kafka that one may want to use or by something else. */
export function portTaken(port: number, occupant: 'kafka' | 'other'): LocalKafkaError {
  return new LocalKafkaError(
    'CLICKSTREAM_LOCAL_KAFKA_PORT_TAKEN',
    occupant === 'kafka'
      ? `port ${port} is taken by a Kafka: set KAFKA_BROKERS=localhost:${port} to use it`
      : `port ${port} is taken by another program, which is no Kafka: stop it, or use another port ("pnpm local-kafka start --port ${port + 1}", then KAFKA_BROKERS=localhost:${port + 1})`,
  );
}

/** Without the time stamp in front and anything after the first 200 characters. */
function shorten(line: string): string {
  return line
    .replace(/^\[[^\]]*\] /, '')
    .trim()
    .slice(0, 200);
}

function readFrom(path: string, offset: number): string {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch {
    return '';
  }
  try {
    const { size } = fstatSync(file);
    // Smaller than before: the log was rolled over. Of a long one, the end tells.
    const start = Math.max(size < offset ? 0 : offset, size - MAX_LOG_BYTES);
    const bytes = Buffer.alloc(size - start);
    const length = readSync(file, bytes, 0, bytes.length, start);
    return bytes.toString('utf8', 0, length);
  } finally {
    closeSync(file);
  }
}
