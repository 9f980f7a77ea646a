import kafkajs, { type Kafka, type LogEntry, type SASLOptions } from '#kafkajs';
import type { KafkaConnection } from './connection.ts';
import { KafkaClientError } from './error.ts';
import type { Logger } from './logger.ts';

/** Version of our kafkajs patch that this package is written against, see patches/. */
const PATCH_VERSION = 1;
const RETRIES = 8;

/**
 * A `Kafka` object with the settings that docs/decisions explains. Producers and consumers need separate ones:
 * kafkajs lets them share a map of committed offsets.
 *
 * @param retries of a connection attempt and of each request, about 9 s in all by default.
 * @throws KafkaClientError `CLICKSTREAM_KAFKA_UNPATCHED_CLIENT` when kafkajs is not the patched one, which
 * loses acknowledged records and shows aborted ones.
 */
export function createKafkajs(connection: KafkaConnection, log: Logger, retries: number = RETRIES): Kafka {
  // The unpatched package has no such field, whatever the patched types say.
  const patch = kafkajs.clickstreamPatch as number | undefined;
  if (patch !== PATCH_VERSION)
    throw new KafkaClientError(
      'CLICKSTREAM_KAFKA_UNPATCHED_CLIENT',
      `this needs kafkajs 2.2.4 with patch ${PATCH_VERSION} of @clickstream/kafka-client, and found ${
        patch === undefined ? 'it unpatched' : `patch ${patch}`
      }`,
    );
  return new kafkajs.Kafka({
    clientId: connection.clientId,
    brokers: [...connection.brokers],
    ...(connection.tls && { ssl: { ...connection.tls } }),
    ...(connection.sasl && { sasl: connection.sasl as SASLOptions }),
    connectionTimeout: 10_000,
    requestTimeout: 12_000,
    retry: { initialRetryTime: 100, maxRetryTime: 2_000, retries },
    logLevel: kafkajs.logLevel.DEBUG,
    logCreator: () => (entry) => {
      bridge(log, entry);
    },
  });
}

/**
 * kafkajs calls every attempt that it will repeat an error. What fails for good reaches our callers as an
 * exception, so its own lines are for debugging.
 */
function bridge(log: Logger, { namespace, level, log: entry }: LogEntry): void {
  const pinoLevel = level >= kafkajs.logLevel.INFO ? 'trace' : 'debug';
  if (!log.isLevelEnabled(pinoLevel)) return;
  const { message, ...facts } = entry;
  log[pinoLevel]({ kafkajs: namespace, ...facts }, message);
}
