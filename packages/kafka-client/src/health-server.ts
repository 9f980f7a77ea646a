import { fastify } from 'fastify';
import type { Registry } from 'prom-client';
import { z } from 'zod';
import { describeError, KafkaClientError } from './error.ts';

/** The variables of an app that tells about its health; spread into the app's schema. */
export const healthEnvironment = {
  HEALTH_PORT: z.coerce
    .number('must be a port from 0 to 65535')
    .int('must be a port from 0 to 65535')
    .min(0, 'must be a port from 0 to 65535')
    .max(65_535, 'must be a port from 0 to 65535')
    .prefault('0')
    .describe('Port of `/healthz`, `/readyz` and `/metrics`; 0 turns them off'),
  LISTEN_HOST: z
    .string()
    .prefault('127.0.0.1')
    .describe('Address that HTTP servers listen on; 0.0.0.0 to be reached from outside'),
};

export interface HealthServerOptions {
  /** Why the app cannot serve now, for `/readyz`; undefined when it can. */
  readonly notReady: () => string | undefined;
  readonly metrics: Registry;
}

/** A server that can be closed; closing one that was turned off does nothing. */
export interface HealthServer {
  /** The port it listens on; 0 when it is turned off. */
  readonly port: number;
  close(): Promise<void>;
}

/**
 * Serves, unless `HEALTH_PORT` is 0, `/healthz` (the process lives), `/readyz` (it can do its work; 503 with the reason otherwise) and
 * `/metrics` (Prometheus text).
 *
 * @throws KafkaClientError `CLICKSTREAM_KAFKA_CONFIGURATION` when the address cannot be listened on.
 */
export async function startHealthServer(
  { LISTEN_HOST: host, HEALTH_PORT: port }: { readonly LISTEN_HOST: string; readonly HEALTH_PORT: number },
  { notReady, metrics }: HealthServerOptions,
): Promise<HealthServer> {
  if (port === 0) return { port, close: () => Promise.resolve() };
  // Connections kept alive by a scraper must not hold up the end of the process.
  const server = fastify({ forceCloseConnections: true });
  server.get('/healthz', () => ({ status: 'alive' }));
  server.get('/readyz', (_request, reply) => {
    const reason = notReady();
    return reply
      .code(reason === undefined ? 200 : 503)
      .send(reason === undefined ? { status: 'ready' } : { status: 'not ready', reason });
  });
  server.get('/metrics', async (_request, reply) =>
    reply.type(metrics.contentType).send(await metrics.metrics()),
  );
  try {
    await server.listen({ host, port });
  } catch (error) {
    throw new KafkaClientError(
      'CLICKSTREAM_KAFKA_CONFIGURATION',
      `cannot serve health on ${host}:${port} (${describeError(error)}): set HEALTH_PORT to a free port, or to 0 for none`,
      { cause: error },
    );
  }
  const address = server.server.address();
  return {
    port: typeof address === 'object' && address ? address.port : port,
    close: () => server.close(),
  };
}
