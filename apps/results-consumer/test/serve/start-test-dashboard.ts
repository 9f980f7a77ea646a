import type { AddressInfo } from 'node:net';
import { createLogger } from '@clickstream/kafka-client';
import { encodeRunningTotal } from '@clickstream/schema';
import { onTestFinished } from 'vitest';
import { ClickViews } from '../../src/core/views/click-views.ts';
import { ClickStream } from '../../src/serve/click-stream.ts';
import { createDashboardMetrics } from '../../src/serve/dashboard-metrics.ts';
import { createDashboardServer } from '../../src/serve/dashboard-server.ts';
import { DashboardStream, dashboardSettings } from '../../src/serve/dashboard-stream.ts';
import type { NotReady } from '../../src/serve/not-ready.ts';
import { SseClients } from '../../src/serve/sse-clients.ts';
import { recordOf } from '../core/views/record-of.ts';

export interface TestDashboardOptions {
  readonly token?: string;
  readonly listenHost?: string;
  readonly pageFolder?: string;
  readonly maxClients?: number;
  readonly bufferLimitBytes?: number;
  readonly heartbeatMs?: number;
  readonly notReady?: NotReady;
  readonly isWhole?: boolean;
  /** Whether all that there was has been read; not unless it is given. */
  readonly isReady?: boolean;
  readonly runId?: string;
  /** Any free one if it is not given. */
  readonly port?: number;
  /** How far its clock is ahead, ms. */
  readonly aheadMs?: () => number;
}

/** A dashboard that is fed by the test, listening on a free port until the test ends. */
export async function startTestDashboard(options: TestDashboardOptions = {}) {
  const now = () => Date.now() + (options.aheadMs?.() ?? 0);
  const views = new ClickViews(1, now());
  if (options.isReady === true) views.setReady(now());
  const { maxClients = 500, bufferLimitBytes = 256 * 1024, heartbeatMs = 10_000 } = options;
  const clients = new SseClients({ maxClients, bufferLimitBytes, heartbeatMs });
  const settings = dashboardSettings({
    clicks: 'clicks',
    totals: 'totals',
    pages: 'pages',
    sessions: 'sessions',
    deadLetters: 'dead',
  });
  const stream = new DashboardStream({ views, settings, clients, runId: options.runId ?? 'run', now });
  const clickStream = new ClickStream(clients);
  const server = await createDashboardServer({
    views,
    stream,
    clickStream,
    clients,
    metrics: createDashboardMetrics(views, clients, now).registry,
    log: createLogger('test', { LOG_LEVEL: 'silent' }, false),
    listenHost: options.listenHost ?? '127.0.0.1',
    token: options.token,
    pageFolder: options.pageFolder,
    notReady: () => options.notReady,
    isWhole: () => options.isWhole === true,
    now,
  });
  await server.listen({ host: '127.0.0.1', port: options.port ?? 0 });
  const close = async () => {
    stream.close();
    clickStream.close();
    clients.close();
    await server.close();
  };
  onTestFinished(close);
  const address = `http://127.0.0.1:${(server.server.address() as AddressInfo).port}`;
  return {
    address,
    views,
    clients,
    clickStream,
    /** How many connections there are. */
    connections: () =>
      new Promise<number>((resolve, reject) => {
        server.server.getConnections((error, count) => {
          if (error) reject(error);
          else resolve(count);
        });
      }),
    /** Tells the stream that the views have changed. */
    changed: () => {
      stream.changed();
    },
    close,
    fetch: (path: string, init?: RequestInit) => fetch(`${address}${path}`, { redirect: 'manual', ...init }),
    /** Counts clicks of a user, as if the aggregator had committed that total. */
    total: (userId: string, clicks: number, lastUrl = '/page1') => {
      const { key, value } = encodeRunningTotal({ userId, clicks, lastClickAt: now(), lastUrl }, 'json');
      views.apply('totals', recordOf(key, value, {}, now()), now());
      stream.changed();
    },
    /** A click as it stands in the click topic. */
    click: (value: string, partition = 0, offset = 0n) => {
      clickStream.push({ offset, value: () => Buffer.from(value) }, partition);
    },
  };
}
