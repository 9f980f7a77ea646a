import { setTimeout as delay } from 'node:timers/promises';
import type { Admin } from '#kafkajs';
import type { KafkaConnection } from './connection.ts';
import { describeError, KafkaClientError } from './error.ts';
import { createKafkajs } from './kafkajs-client.ts';
import type { Logger } from './logger.ts';

/** How long an app waits for a broker when it starts. */
export const START_DEADLINE_MS = 15_000;
const RETRY_DELAY_MS = 500;

/**
 * Connects an admin client, waiting for a broker that is not there yet. A first request is made as well: a listener
 * that wants a log-in answers to the connection, and closes it at the first request without.
 *
 * @throws KafkaClientError `CLICKSTREAM_KAFKA_UNREACHABLE` after 15 s, or at once
 * `CLICKSTREAM_KAFKA_AUTHENTICATION` when waiting cannot help; the text says what to check.
 */
export async function connectAdmin(
  connection: KafkaConnection,
  log: Logger,
  signal?: AbortSignal,
): Promise<Admin> {
  const startedAt = performance.now();
  for (let announced = false; ; announced = true) {
    // One attempt at a time, so that the reason is known at once and the last one's is told.
    const admin = createKafkajs(connection, log, 0).admin();
    try {
      const connected = admin.connect().then(() => admin.describeCluster());
      await withDeadline(connected, START_DEADLINE_MS - (performance.now() - startedAt), signal);
      return admin;
    } catch (error) {
      // Not awaited: it waits for answers, and a port that takes connections but never answers gives none.
      void admin.disconnect().catch(() => undefined);
      const failure = explainFailure(error, connection);
      if (failure.code !== 'CLICKSTREAM_KAFKA_UNREACHABLE') throw failure;
      if (signal?.aborted || performance.now() - startedAt + RETRY_DELAY_MS > START_DEADLINE_MS)
        throw failure;
      if (!announced)
        log.warn(
          `waiting up to ${START_DEADLINE_MS / 1000} s for Kafka at ${connection.brokers.join(',')}: ${describeError(error)}`,
        );
      await delay(RETRY_DELAY_MS, undefined, signal && { signal }).catch(() => undefined);
    }
  }
}

async function withDeadline<T>(
  work: Promise<T>,
  deadlineMs: number,
  signal: AbortSignal | undefined,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  let stop: (() => void) | undefined;
  const late = new Promise<never>((_, reject) => {
    stop = () => {
      reject(new Error('told to stop'));
    };
    signal?.addEventListener('abort', stop);
    timer = setTimeout(
      () => {
        reject(new Error('no answer'));
      },
      Math.max(1, deadlineMs),
    );
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
    if (stop) signal?.removeEventListener('abort', stop);
  }
}

/** What a failed request to Kafka means to a person: the reason, and what to check. */
export function explainFailure(error: unknown, connection: KafkaConnection): KafkaClientError {
  const where = connection.brokers.join(',');
  const text = [...causes(error)].map(describeError).join(': ');
  if (isLoginFailure(error))
    return new KafkaClientError(
      'CLICKSTREAM_KAFKA_AUTHENTICATION',
      `Kafka at ${where} refused the log-in: ${text}. Check KAFKA_SASL_MECHANISM, KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD, and that this listener speaks SASL${connection.tls ? ' over TLS' : ' without TLS'}`,
      { cause: error },
    );
  if (connection.tls && /certificate|self-signed|unable to verify|altname/i.test(text))
    return new KafkaClientError(
      'CLICKSTREAM_KAFKA_AUTHENTICATION',
      `the certificate of Kafka at ${where} is not trusted: ${text}. Check KAFKA_TLS_CA_FILE`,
      { cause: error },
    );
  const hint = connection.tls
    ? 'Check that this port speaks TLS (KAFKA_TLS_ENABLED=true is set) and that KAFKA_BROKERS is right'
    : /closed/i.test(text)
      ? 'Check that KAFKA_BROKERS is right, and whether this port wants TLS (KAFKA_TLS_ENABLED=true) or a log-in (KAFKA_SASL_MECHANISM)'
      : 'Start one with `pnpm local-kafka start` (or docker compose up -d kafka), or set KAFKA_BROKERS to a cluster that runs';
  return new KafkaClientError(
    'CLICKSTREAM_KAFKA_UNREACHABLE',
    `cannot reach Kafka at ${where}: ${text}. ${hint}`,
    {
      cause: error,
    },
  );
}

/** Told by kafkajs' class and the protocol's name, since the text has the broker's name in it, which may be any. */
function isLoginFailure(error: unknown): boolean {
  for (let at: unknown = error; at instanceof Error; at = at.cause)
    if (
      /SASL|Authentication/i.test(at.name) ||
      ('type' in at && /SASL|AUTHENTICATION_FAILED/.test(String(at.type)))
    )
      return true;
  return false;
}

function* causes(error: unknown): Generator {
  for (let at = error, depth = 0; at !== undefined && depth < 4; depth++) {
    const cause = at instanceof Error ? at.cause : undefined;
    // kafkajs wraps an error whose text it repeats.
    if (!(cause instanceof Error && describeError(at).includes(describeError(cause)))) yield at;
    at = cause;
  }
}
