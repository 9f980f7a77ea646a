import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Logger } from '@clickstream/kafka-client';
import type { FastifyInstance } from 'fastify';
import type { Config } from '../config.ts';
import { ClickStream } from './click-stream.ts';
import { createDashboardMetrics } from './dashboard-metrics.ts';
import { createDashboardServer } from './dashboard-server.ts';
import { DashboardStream, dashboardSettings } from './dashboard-stream.ts';
import { FeedSilence } from './feed-silence.ts';
import { feedViews } from './feed-views.ts';
import { whyNotReady } from './not-ready.ts';
import { openViews, type OpenViews } from './open-views.ts';
import { SseClients } from './sse-clients.ts';

export interface RunDashboardOptions {
  readonly config: Config;
  readonly log: Logger;
  readonly signal: AbortSignal;
  /** Whether to go to the next port while one is taken. */
  readonly takesNextPort: boolean;
  /** Called once everything that was there at the start is shown, with the address of the page. */
  readonly onReady: (address: string) => void;
}

/** The address cannot be listened on; the message says what to do. */
export class PortTakenError extends Error {
  override readonly name = 'PortTakenError';
}

const STREAM_CLIENTS_MAX = 500;
const BUFFER_LIMIT_BYTES = 256 * 1024;
const HEARTBEAT_MS = 10_000;
const NEXT_PORTS = 20;
/** The same from the sources and from what is built of them. */
const PAGE_FOLDER = fileURLToPath(new URL('../../dist/web', import.meta.url));

/**
 * Serves the dashboard until `signal` aborts, then ends all streams.
 *
 * @throws PortTakenError, and what the reader and the topics throw.
 */
export async function runDashboard(options: RunDashboardOptions): Promise<void> {
  const { config, log, signal } = options;
  const opened = await openViews(config, log, signal, now);
  try {
    await serveViews(opened, options);
  } finally {
    await opened.reader.close();
  }
}

const now = () => Date.now();

async function serveViews({ views, topics, reader }: OpenViews, options: RunDashboardOptions): Promise<void> {
  const { config, log, signal, onReady } = options;
  const { clicks, totals, pages, sessions, deadLetters } = topics;
  const clients = new SseClients({
    maxClients: STREAM_CLIENTS_MAX,
    bufferLimitBytes: BUFFER_LIMIT_BYTES,
    heartbeatMs: HEARTBEAT_MS,
  });
  const stream = new DashboardStream({
    views,
    settings: dashboardSettings({ clicks, totals, pages, sessions, deadLetters }),
    clients,
    runId: randomBytes(6).toString('hex'),
    now,
  });
  const silence = new FeedSilence();
  let isWhole = false;
  const clickStream = new ClickStream(clients);
  const metrics = createDashboardMetrics(views, clients, now);
  const server = await createDashboardServer({
    views,
    stream,
    clickStream,
    clients,
    metrics: metrics.registry,
    log,
    listenHost: config.LISTEN_HOST,
    token: config.DASHBOARD_TOKEN,
    pageFolder: existsSync(PAGE_FOLDER) ? PAGE_FOLDER : undefined,
    notReady: () => whyNotReady(views.isReady, reader.silenceMs(), silence.longest()),
    isWhole: () => isWhole,
    now,
  });
  try {
    const address = await listen(server, options);
    let wasReady = false;
    await feedViews({
      reader,
      topics,
      views,
      log,
      signal,
      silence,
      now,
      onChange: () => {
        stream.changed();
        if (wasReady || !views.isReady) return;
        wasReady = true;
        onReady(address);
      },
      onWhole: () => {
        isWhole = true;
      },
      onClick: (record, partition) => {
        clickStream.push(record, partition);
      },
      onRecords: metrics.onRecords,
    });
  } finally {
    stream.close();
    clickStream.close();
    clients.close();
    await server.close();
  }
}

/** Listens, and says where a browser finds it. @throws PortTakenError */
async function listen(
  server: FastifyInstance,
  { config, takesNextPort }: RunDashboardOptions,
): Promise<string> {
  const { LISTEN_HOST: host, DASHBOARD_PORT: first } = config;
  const last = takesNextPort && first !== 0 ? Math.min(first + NEXT_PORTS, 65_535) : first;
  for (let port = first; ; port += 1) {
    try {
      await server.listen({ host, port });
      break;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EADDRINUSE' && port < last) continue;
      const reason = code === 'EADDRINUSE' ? 'the port is taken' : (error as Error).message;
      throw new PortTakenError(
        `cannot serve the dashboard on ${host}:${port}: ${reason}; set DASHBOARD_PORT to a free port, or to 0 for any`,
        { cause: error },
      );
    }
  }
  const address = server.server.address();
  const port = typeof address === 'object' && address ? address.port : first;
  const name =
    host === '127.0.0.1' || host === '0.0.0.0' ? 'localhost' : host.includes(':') ? `[${host}]` : host;
  return `http://${name}:${port}`;
}
