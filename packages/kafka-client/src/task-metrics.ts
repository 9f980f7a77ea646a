import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { TaskProcessor } from './task-processor.ts';
import type { TaskStatus, TransactionObserver } from './task-settings.ts';

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
  gauge(
    'consumer_lag_records',
    'Offsets of the input behind the position, as of the last fetch; none before it',
    ['partition', 'input'],
    (metric) => {
      for (const { partition, lags } of tasks()) {
        if (lags.input !== undefined) metric.set({ partition, input: 'clicks' }, Number(lags.input));
        if (lags.repartition !== undefined)
          metric.set({ partition, input: 'repartition' }, Number(lags.repartition));
      }
    },
  );
  gauge(
    'consumer_lag_seconds',
    'Age of the last record processed while others wait in either input, else 0; none before that is known',
    ['partition'],
    (metric) => {
      for (const task of tasks()) {
        const seconds = lagSeconds(task);
        if (seconds !== undefined) metric.set({ partition: task.partition }, seconds);
      }
    },
  );
  gauge('task_state', '1 for the state that a task is in', ['partition', 'state'], (metric) => {
    for (const { partition, state } of tasks()) metric.set({ partition, state }, 1);
  });
  gauge(
    'restore_goal_records',
    'Offsets of the results that there were to read back when the task started last',
    ['partition'],
    (metric) => {
      for (const { partition, restoreGoal } of tasks()) metric.set({ partition }, restoreGoal);
    },
  );
  gauge('restored_records', 'Those of them that it has read', ['partition'], (metric) => {
    for (const { partition, restored } of tasks()) metric.set({ partition }, restored);
  });
  gauge('state_sum', 'Sums over the state, as of the last commit', ['partition', 'sum'], (metric) => {
    for (const { partition, sums } of tasks())
      for (const [sum, value] of Object.entries(sums)) metric.set({ partition, sum }, value);
  });
  gauge(
    'state_memory',
    'Sizes of the state in memory, as of the last commit',
    ['partition', 'of'],
    (metric) => {
      for (const { partition, memory } of tasks())
        for (const [of, size] of Object.entries(memory)) metric.set({ partition, of }, size);
    },
  );
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

/** How old what the task works on is; undefined where nobody knows. The broker's clock may be ahead of ours. */
function lagSeconds({ lags, lastIngestTimeMs }: Readonly<TaskStatus>): number | undefined {
  const known = [lags.input, lags.repartition];
  if (known.some((lag) => lag !== undefined && lag > 0n))
    return lastIngestTimeMs > 0 ? Math.max(0, Date.now() - lastIngestTimeMs) / 1000 : undefined;
  return known.includes(undefined) ? undefined : 0;
}
