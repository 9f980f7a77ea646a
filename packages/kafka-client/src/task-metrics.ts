import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { TaskProcessor } from './task-processor.ts';
import type { TransactionObserver } from './stream-task.ts';

/** Metrics of an exactly-once application, for its `/metrics`. */
export interface TaskMetrics {
  readonly registry: Registry;
  /** To be given to the processor: notes how each transaction ended and how long it took. */
  readonly onTransaction: TransactionObserver;
  /** Shows the tasks of a processor from now on. */
  observe(processor: TaskProcessor): void;
}

/** Creates the metrics, with those of the Node.js process beside them. All of ours begin with `clickstream_`. */
export function createTaskMetrics(): TaskMetrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const transactions = new Histogram({
    name: 'clickstream_transaction_seconds',
    help: 'Time from the begin of a transaction to its commit, or to its failure',
    labelNames: ['outcome'],
    buckets: [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30],
    registers: [registry],
  });
  let processor: TaskProcessor | undefined;
  const tasks = () => processor?.tasks() ?? [];
  const gauge = (name: string, help: string, labelNames: string[], collect: (metric: Gauge) => void) =>
    new Gauge({
      name: `clickstream_${name}`,
      help,
      labelNames,
      registers: [registry],
      collect() {
        this.reset();
        collect(this);
      },
    });
  gauge('consumer_lag_records', 'Records of the input not yet processed', ['partition'], (metric) => {
    for (const { partition, lags } of tasks())
      if (lags.input !== undefined) metric.set({ partition }, Number(lags.input));
  });
  gauge(
    'consumer_lag_seconds',
    'Age of the last processed record while records wait, else 0',
    ['partition'],
    (metric) => {
      for (const { partition, lags, lastIngestTimeMs } of tasks())
        metric.set(
          { partition },
          (lags.input ?? 0n) > 0n && lastIngestTimeMs > 0
            ? Math.max(0, Date.now() - lastIngestTimeMs) / 1000
            : 0,
        );
    },
  );
  gauge('task_state', '1 for the state that a task is in', ['partition', 'state'], (metric) => {
    for (const { partition, state } of tasks()) metric.set({ partition, state }, 1);
  });
  gauge('restored_records', 'Results read back when the task started last', ['partition'], (metric) => {
    for (const { partition, restored } of tasks()) metric.set({ partition }, restored);
  });
  gauge('state_sum', 'Sums over the state, as of the last commit', ['partition', 'sum'], (metric) => {
    for (const { partition, sums } of tasks())
      for (const [sum, value] of Object.entries(sums)) metric.set({ partition, sum }, value);
  });
  gauge(
    'books',
    'What became of the records read, as of the last commit',
    ['partition', 'entry'],
    (metric) => {
      for (const { partition, books } of tasks())
        for (const [entry, count] of Object.entries(books)) metric.set({ partition, entry }, count);
    },
  );
  new Counter({
    name: 'clickstream_restarts_total',
    help: 'Tasks, and seats in the group, that had to start again',
    labelNames: ['cause'],
    registers: [registry],
    collect() {
      this.reset();
      for (const [cause, count] of processor?.restarts() ?? []) this.inc({ cause }, count);
    },
  });
  return {
    registry,
    onTransaction: (outcome, seconds) => {
      transactions.observe({ outcome }, seconds);
    },
    observe: (observed) => {
      processor = observed;
    },
  };
}
