import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { describeError, KafkaClientError } from './error.ts';

const brokerList = z
  .string()
  .transform((list) =>
    list
      .split(',')
      .map((broker) => broker.trim())
      .filter((broker) => broker !== ''),
  )
  .refine((brokers) => brokers.length > 0, 'must name at least one broker, as host:port')
  .refine(
    (brokers) =>
      brokers.every((broker) => {
        const port = /^(?:[^\s:/]+|\[[0-9a-fA-F:]+\]):(\d{1,5})$/.exec(broker)?.[1];
        return port !== undefined && Number(port) >= 1 && Number(port) <= 65_535;
      }),
    'must be a comma-separated list of host:port, with ports from 1 to 65535',
  );

const flag = z.enum(['true', 'false']).transform((text) => text === 'true');

/**
 * The variables that say how to reach Kafka. Apps spread them into their own schema, so that every problem
 * is reported together; {@link kafkaConnection} makes a connection out of the parsed result.
 */
export const kafkaEnvironment = {
  KAFKA_BROKERS: brokerList
    .prefault('localhost:9092')
    .describe('Comma-separated list of brokers to start from, each `host:port`'),
  KAFKA_CLIENT_ID: z
    .string()
    .regex(/^[\w.-]{1,200}$/, 'must be 1 to 200 letters, digits, dots, dashes or underscores')
    .optional()
    .describe("Name shown in the broker's logs and quotas; each app has its own default"),
  KAFKA_TLS_ENABLED: flag.prefault('false').describe('`true` to connect with TLS'),
  KAFKA_TLS_CA_FILE: z.string().optional().describe('PEM file of the certificate authority to trust'),
  KAFKA_TLS_CERT_FILE: z.string().optional().describe('PEM file of the client certificate (mutual TLS)'),
  KAFKA_TLS_KEY_FILE: z.string().optional().describe("PEM file of the client certificate's key (mutual TLS)"),
  KAFKA_SASL_MECHANISM: z
    .enum(['plain', 'scram-sha-256', 'scram-sha-512'])
    .optional()
    .describe('SASL mechanism: `plain`, `scram-sha-256` or `scram-sha-512`'),
  KAFKA_SASL_USERNAME: z.string().optional().describe('SASL user name'),
  KAFKA_SASL_PASSWORD: z.string().optional().describe('SASL password; never logged'),
};

/** The parsed variables of {@link kafkaEnvironment}. */
export type KafkaEnvironment = z.output<z.ZodObject<typeof kafkaEnvironment>>;

/** How to reach a Kafka cluster, and as whom. */
export interface KafkaConnection {
  readonly brokers: readonly string[];
  readonly clientId: string;
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string };
  readonly sasl?: {
    readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512';
    readonly username: string;
    readonly password: string;
  };
}

/**
 * Makes a connection of the parsed variables, reading the certificate files they name.
 *
 * @param clientId used unless `KAFKA_CLIENT_ID` is set.
 * @throws KafkaClientError `CLICKSTREAM_KAFKA_CONFIGURATION` for a file that cannot be read and for
 * variables that contradict each other; all of them in one message.
 */
export function kafkaConnection(environment: KafkaEnvironment, clientId: string): KafkaConnection {
  const problems: string[] = [];
  const read = (name: 'KAFKA_TLS_CA_FILE' | 'KAFKA_TLS_CERT_FILE' | 'KAFKA_TLS_KEY_FILE') => {
    const file = environment[name];
    if (file === undefined) return undefined;
    if (!environment.KAFKA_TLS_ENABLED) {
      problems.push(`${name} is set but KAFKA_TLS_ENABLED is not true`);
      return undefined;
    }
    try {
      return readFileSync(file, 'utf8');
    } catch (error) {
      problems.push(`${name}: ${JSON.stringify(file)} cannot be read (${describeError(error)})`);
      return undefined;
    }
  };
  const ca = read('KAFKA_TLS_CA_FILE');
  const cert = read('KAFKA_TLS_CERT_FILE');
  const key = read('KAFKA_TLS_KEY_FILE');
  if ((environment.KAFKA_TLS_CERT_FILE === undefined) !== (environment.KAFKA_TLS_KEY_FILE === undefined))
    problems.push('KAFKA_TLS_CERT_FILE and KAFKA_TLS_KEY_FILE must be set together');

  const { KAFKA_SASL_MECHANISM: mechanism, KAFKA_SASL_USERNAME: username } = environment;
  const password = environment.KAFKA_SASL_PASSWORD;
  const saslGiven = [mechanism, username, password].filter((value) => value !== undefined).length;
  if (saslGiven !== 0 && saslGiven !== 3)
    problems.push('KAFKA_SASL_MECHANISM, KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD must be set together');

  if (problems.length > 0)
    throw new KafkaClientError(
      'CLICKSTREAM_KAFKA_CONFIGURATION',
      ['the configuration is not usable:', ...problems.map((problem) => `  ${problem}`)].join('\n'),
    );
  return {
    brokers: environment.KAFKA_BROKERS,
    clientId: environment.KAFKA_CLIENT_ID ?? clientId,
    ...(environment.KAFKA_TLS_ENABLED && {
      tls: { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) },
    }),
    ...(mechanism && username && password && { sasl: { mechanism, username, password } }),
  };
}
