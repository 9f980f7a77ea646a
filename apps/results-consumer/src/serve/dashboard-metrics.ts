import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client';
import type { ClickViews } from '../core/views/click-views.ts';
import type { SseClients } from './sse-clients.ts';

/** Metrics of the dashboard, for its `/metrics`. */
export interface DashboardMetrics {
  readonly registry: Registry;
  /** Notes that records of a topic were read. */
  readonly onRecords: (feed: string, count: number) => void;
}

/** Creates the metrics, with those of the Node.js process beside them. All of ours begin with `clickstream_dashboard_`. */
export function createDashboardMetrics(
  views: ClickViews,
  clients: SseClients,
  now: () => number,
): DashboardMetrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const records = new Counter({
    name: 'clickstream_dashboard_records_total',
    help: 'Committed records read, by what they are',
    labelNames: ['feed'],
    registers: [registry],
  });
  const gauge = (name: string, help: string, value: () => number | null) => {
    new Gauge({
      name: `clickstream_dashboard_${name}`,
      help,
      registers: [registry],
      collect() {
        this.set(value() ?? NaN);
      },
    });
  };
  gauge(
    'ready',
    "Whether everything that was there at the start has been read, but for dead letters and the rate's past",
    () => Number(views.isReady),
  );
  gauge('users', 'Users with a running total', () => views.totals.users);
  gauge('clicks', 'Sum of the running totals', () => views.totals.clicks);
  gauge('stream_clients', 'Clients of the streams', () => clients.size);
  gauge('stream_buffered_bytes', 'What waits for stream clients to read it', () => clients.bufferedBytes);
  gauge('lag_records', 'Clicks that are not counted yet', () => views.lag.records());
  gauge('lag_seconds', 'Age of the oldest click that is not counted', () => views.lag.seconds(now()));
  gauge(
    'latency_p99_seconds',
    'Time from a click to its visible count, 99th percentile of the last minute',
    () => {
      const { p99Ms } = views.latency.percentiles(now());
      return p99Ms === null ? null : p99Ms / 1_000;
    },
  );
  new Counter({
    name: 'clickstream_dashboard_resyncs_total',
    help: 'Stream clients for which too much waited, told to come again',
    registers: [registry],
    collect() {
      this.reset();
      this.inc(clients.resyncs);
    },
  });
  new Counter({
    name: 'clickstream_dashboard_unreadable_total',
    help: 'Records that could not be read, by what they should be',
    labelNames: ['feed'],
    registers: [registry],
    collect() {
      this.reset();
      for (const [feed, count] of Object.entries(views.unreadable)) this.inc({ feed }, count);
      this.inc({ feed: 'checkpoints' }, views.books.unreadable);
    },
  });
  return {
    registry,
    onRecords: (feed, count) => {
      records.inc({ feed }, count);
    },
  };
}
