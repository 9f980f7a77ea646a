import { describe, expect, it } from 'vitest';
import { EMPTY_BOOKS } from '../src/checkpoint.ts';
import { freshStatus, type TaskStatus } from '../src/task-settings.ts';
import { createTaskMetrics, type TaskMetrics } from '../src/task-metrics.ts';
import type { TaskProcessor } from '../src/task-processor.ts';

/** A processor that only tells: whatever is in `tasks` and `restarts` at the time. */
function processorOf(tasks: readonly TaskStatus[], restarts: ReadonlyMap<string, number>): TaskProcessor {
  return {
    finished: Promise.resolve(),
    tasks: () => tasks,
    notReady: () => undefined,
    restarts: () => restarts,
    stop: () => Promise.resolve(),
  };
}

function statusOf(partition: number, rest: Partial<TaskStatus> = {}): TaskStatus {
  return { ...freshStatus(partition), state: 'running', lags: { input: 0n, repartition: 0n }, ...rest };
}

/** The samples of one metric, as Prometheus reads them. */
async function samplesOf({ registry }: TaskMetrics, name: string): Promise<string[]> {
  const lines = (await registry.metrics()).split('\n');
  return lines.filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `)).sort();
}

describe('the metrics of an exactly-once application', () => {
  it('show each task, by partition', async () => {
    const metrics = createTaskMetrics();
    const tasks = [
      statusOf(0, {
        books: { ...EMPTY_BOOKS, read: 10, duplicate: 0, counted: 9, rejected: 1 },
        sums: { clicks: 9, users: 3 },
        lags: { input: 7n, repartition: 0n },
      }),
      statusOf(3, {
        state: 'restoring',
        restored: 500,
        restoreGoal: 800,
        lags: { input: undefined, repartition: 2n },
      }),
      statusOf(5, { state: 'fencing', lags: { input: undefined, repartition: undefined } }),
    ];
    metrics.observe(processorOf(tasks, new Map()));
    // Nothing is known of the others before the first fetch, which is not the same as no lag.
    expect(await samplesOf(metrics, 'clickstream_consumer_lag_records')).toEqual([
      'clickstream_consumer_lag_records{partition="0",input="clicks"} 7',
      'clickstream_consumer_lag_records{partition="0",input="repartition"} 0',
      'clickstream_consumer_lag_records{partition="3",input="repartition"} 2',
    ]);
    expect(await samplesOf(metrics, 'clickstream_task_state')).toEqual([
      'clickstream_task_state{partition="0",state="running"} 1',
      'clickstream_task_state{partition="3",state="restoring"} 1',
      'clickstream_task_state{partition="5",state="fencing"} 1',
    ]);
    expect(await samplesOf(metrics, 'clickstream_restored_records')).toEqual([
      'clickstream_restored_records{partition="0"} 0',
      'clickstream_restored_records{partition="3"} 500',
      'clickstream_restored_records{partition="5"} 0',
    ]);
    expect(await samplesOf(metrics, 'clickstream_restore_goal_records')).toEqual([
      'clickstream_restore_goal_records{partition="0"} 0',
      'clickstream_restore_goal_records{partition="3"} 800',
      'clickstream_restore_goal_records{partition="5"} 0',
    ]);
    expect(await samplesOf(metrics, 'clickstream_state_sum')).toEqual([
      'clickstream_state_sum{partition="0",sum="clicks"} 9',
      'clickstream_state_sum{partition="0",sum="users"} 3',
    ]);
    expect((await samplesOf(metrics, 'clickstream_books')).slice(0, 6)).toEqual([
      'clickstream_books{partition="0",entry="counted"} 9',
      'clickstream_books{partition="0",entry="duplicate"} 0',
      'clickstream_books{partition="0",entry="forwarded"} 0',
      'clickstream_books{partition="0",entry="read"} 10',
      'clickstream_books{partition="0",entry="received"} 0',
      'clickstream_books{partition="0",entry="rejected"} 1',
    ]);
  });

  it('forget the state that a task was in, and the tasks that somebody else has now', async () => {
    const metrics = createTaskMetrics();
    const first = statusOf(0, { state: 'restoring' });
    const tasks = [first, statusOf(1)];
    metrics.observe(processorOf(tasks, new Map()));
    expect(await samplesOf(metrics, 'clickstream_task_state')).toHaveLength(2);
    first.state = 'running';
    tasks.pop();
    expect(await samplesOf(metrics, 'clickstream_task_state')).toEqual([
      'clickstream_task_state{partition="0",state="running"} 1',
    ]);
  });

  it('have an age of the last record while others wait behind it in either input, and none while it is unknown', async () => {
    const metrics = createTaskMetrics();
    const lastIngestTimeMs = Date.now() - 60_000;
    const tasks = [
      statusOf(0, { lags: { input: 1n, repartition: 0n }, lastIngestTimeMs }),
      statusOf(1, { lags: { input: undefined, repartition: 1n }, lastIngestTimeMs }),
      statusOf(2, { lags: { input: 0n, repartition: 0n }, lastIngestTimeMs }),
      // The broker's clock may be ahead.
      statusOf(3, { lags: { input: 1n, repartition: 0n }, lastIngestTimeMs: Date.now() + 3_600_000 }),
      statusOf(4, { lags: { input: 1n, repartition: 0n }, lastIngestTimeMs: 0 }),
      statusOf(5, { lags: { input: 0n, repartition: undefined }, lastIngestTimeMs }),
    ];
    metrics.observe(processorOf(tasks, new Map()));
    const samples = await samplesOf(metrics, 'clickstream_consumer_lag_seconds');
    const ages = samples.map((sample) =>
      /^clickstream_consumer_lag_seconds\{partition="(\d)"\} ([\d.]+)$/.exec(sample)?.slice(1).map(Number),
    );
    const isAMinute = (seconds: unknown) => Number(seconds) >= 60 && Number(seconds) < 120;
    expect(ages).toEqual([
      [0, expect.toSatisfy(isAMinute)],
      [1, expect.toSatisfy(isAMinute)],
      [2, 0],
      [3, 0],
    ]);
  });

  it('count restarts by cause, as the processor does', async () => {
    const metrics = createTaskMetrics();
    const restarts = new Map([['fenced', 1]]);
    metrics.observe(processorOf([], restarts));
    await samplesOf(metrics, 'clickstream_restarts_total');
    restarts.set('fenced', 2).set('unreachable', 1);
    expect(await samplesOf(metrics, 'clickstream_restarts_total')).toEqual([
      'clickstream_restarts_total{cause="fenced"} 2',
      'clickstream_restarts_total{cause="unreachable"} 1',
    ]);
  });

  it('tell how transactions ended, and how long they took', async () => {
    const metrics = createTaskMetrics();
    metrics.onTransaction('committed', 0.004);
    metrics.onTransaction('committed', 0.3);
    metrics.onTransaction('failed', 2);
    expect(await samplesOf(metrics, 'clickstream_transaction_seconds_count')).toEqual([
      'clickstream_transaction_seconds_count{outcome="committed"} 2',
      'clickstream_transaction_seconds_count{outcome="failed"} 1',
    ]);
    expect(await samplesOf(metrics, 'clickstream_transaction_seconds_bucket')).toEqual(
      expect.arrayContaining([
        'clickstream_transaction_seconds_bucket{le="0.002",outcome="committed"} 0',
        'clickstream_transaction_seconds_bucket{le="0.005",outcome="committed"} 1',
        'clickstream_transaction_seconds_bucket{le="0.5",outcome="committed"} 2',
      ]),
    );
  });

  it('are there before there is a processor, with those of the process', async () => {
    const text = await createTaskMetrics().registry.metrics();
    for (const name of [
      'task_state',
      'consumer_lag_records',
      'restore_goal_records',
      'restarts_total',
      'books',
    ])
      expect(text).toContain(`# TYPE clickstream_${name} `);
    expect(text).toMatch(/^process_cpu_seconds_total [\d.]+/m);
  });
});
