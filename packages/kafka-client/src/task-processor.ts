import type { KafkaConnection } from './connection.ts';
import type { TopicSpec } from './ensure-topics.ts';
import { describeError, KafkaClientError } from './error.ts';
import type { GroupMembership } from './group-membership.ts';
import { RecentFailures } from './recent-failures.ts';
import { StreamTask } from './stream-task.ts';
import { kafkaPorts, type TaskPorts } from './task-ports.ts';
import { isRefusal } from './task-refusal.ts';
import { freshStatus, type TaskSettings, type TaskStatus } from './task-settings.ts';
import { TransactionBounds } from './transaction-bounds.ts';

/** How an instance is to take part; what all tasks have in common beside it. */
export interface InstanceSettings extends TaskSettings {
  /** Makes the instance a static member of the group: a restart within 10 s moves no partition. */
  readonly instanceId?: string | undefined;
  /** Whether stopping gives up the seat; by default a static member keeps it. */
  readonly leaveOnStop?: boolean | undefined;
  /** Called whenever all tasks that are ours have come to run, with their partitions. */
  readonly onRunning?: (partitions: readonly number[]) => void;
  /** Time between two purges of the repartition topic, ms; a minute unless told otherwise. */
  readonly purgeIntervalMs?: number;
}

export interface TaskProcessorOptions extends InstanceSettings {
  readonly connection: KafkaConnection;
}

/** An instance of an exactly-once application: its seat in the group and its tasks. */
export interface TaskProcessor {
  /** Resolves after {@link stop}; rejects when the instance cannot go on, for the process to end. */
  readonly finished: Promise<void>;
  /** What each task that is ours is doing. */
  tasks(): readonly Readonly<TaskStatus>[];
  /** Why the instance cannot do its work now; undefined when it can. */
  notReady(): string | undefined;
  /** Restarts of tasks and of the group's seat since the start, by cause. */
  restarts(): ReadonlyMap<string, number>;
  /** Commits what is processed and gives up the seat, so that others take over at once. */
  stop(): Promise<void>;
}

const JOIN_DELAY_MS = 200;
const PURGE_INTERVAL_MS = 60_000;
/** How long tasks may take to commit and end when the instance stops. */
const STOP_DEADLINE_MS = 3_000;
/** Fetches are answered within a quarter of a second also when there is nothing: no answer for this long is an outage. */
const SILENCE_LIMIT_MS = 5_000;

/** The internal topics of an application; its repartition topic keeps records until they are purged after use. */
export function internalTopics(applicationId: string): { repartition: TopicSpec; checkpoint: TopicSpec } {
  return {
    repartition: {
      name: `${applicationId}_repartition`,
      config: {
        'cleanup.policy': 'delete',
        'retention.ms': '-1',
        'retention.bytes': '-1',
        'message.timestamp.type': 'LogAppendTime',
      },
    },
    checkpoint: {
      name: `${applicationId}_checkpoint`,
      config: {
        'cleanup.policy': 'compact',
        'segment.bytes': '16777216',
        'segment.ms': '3600000',
        // Brokers refuse records whose own timestamp is an hour ahead: an instance with a fast clock would be stuck.
        'message.timestamp.type': 'LogAppendTime',
      },
    },
  };
}

/**
 * Joins the application's group and runs a {@link StreamTask} for each partition that is given to it. A task that
 * fails starts again from its checkpoint; tasks that stay ours work on through a rebalance, since a partition that
 * has a new owner was fenced by it.
 *
 * @throws KafkaClientError `CLICKSTREAM_KAFKA_UNREACHABLE`
 */
export async function startTaskProcessor(options: TaskProcessorOptions): Promise<TaskProcessor> {
  return runInstance(options, await kafkaPorts(options.connection, options.log));
}

/** {@link startTaskProcessor} on given ports, which it closes in the end. */
export async function runInstance(settings: InstanceSettings, ports: TaskPorts): Promise<TaskProcessor> {
  const instance = new Instance(settings, ports);
  try {
    await instance.join();
    return instance;
  } catch (error) {
    await instance.stop();
    throw error;
  }
}

interface RunningTask {
  readonly status: TaskStatus;
  readonly stop: AbortController;
}

class Instance implements TaskProcessor {
  readonly finished: Promise<void>;
  readonly #options: InstanceSettings;
  readonly #ports: TaskPorts;
  readonly #tasks = new Map<number, RunningTask>();
  /** Tasks that have not ended yet, also those that are no longer ours. */
  readonly #running = new Set<Promise<void>>();
  readonly #restarts = new Map<string, number>();
  readonly #stopping = new AbortController();
  readonly #settle: { resolve: () => void; reject: (error: Error) => void };
  #membership: GroupMembership | undefined;
  #hasSeat = false;
  #waitingForSeat: (() => void)[] = [];
  readonly #seatsLost = new RecentFailures();
  #stopped: Promise<void> | undefined;

  constructor(options: InstanceSettings, ports: TaskPorts) {
    this.#options = options;
    this.#ports = ports;
    const { promise, resolve, reject } = Promise.withResolvers<undefined>();
    this.finished = promise;
    this.finished.catch(() => undefined); // whoever is interested awaits it
    this.#settle = {
      resolve: () => {
        resolve(undefined);
      },
      reject,
    };
    void this.#keepPurging();
  }

  async join(): Promise<void> {
    const { applicationId, instanceId, leaveOnStop, inputTopic } = this.#options;
    const membership = await this.#ports.joinGroup({
      groupId: applicationId,
      instanceId,
      leaveOnStop,
      topic: inputTopic,
      onAssigned: (partitions) => {
        this.#assign(partitions);
        this.#confirmSeat();
      },
      onHeartbeat: () => {
        this.#confirmSeat();
      },
    });
    this.#membership = membership;
    if (this.#stopping.signal.aborted) await membership.leave();
    membership.failed.catch((error: unknown) => this.#rejoin(error));
  }

  tasks(): readonly TaskStatus[] {
    return [...this.#tasks.values()].map(({ status }) => status);
  }

  notReady(): string | undefined {
    if (!this.#hasSeat) return 'joining the group';
    const silenceMs = this.#ports.reader.silenceMs();
    if (silenceMs > SILENCE_LIMIT_MS) return `no broker has answered for ${Math.floor(silenceMs / 1000)} s`;
    const waiting = this.tasks().filter(({ state }) => state !== 'running');
    return waiting.length === 0
      ? undefined
      : waiting.map(({ partition, state }) => `partition ${partition} is ${state}`).join(', ');
  }

  restarts(): ReadonlyMap<string, number> {
    return this.#restarts;
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#end().then(() => {
      this.#settle.resolve();
    });
    return this.#stopped;
  }

  #assign(partitions: readonly number[]): void {
    if (this.#stopping.signal.aborted) return;
    const { inputTopic, partitions: known } = this.#options;
    if (partitions.some((partition) => partition >= known)) {
      this.#fail(
        new KafkaClientError(
          'CLICKSTREAM_KAFKA_PARTITION_COUNT',
          `topic ${inputTopic} had ${known} partitions when this process started, and was given more: users would change their home. Use new topic names and replay`,
          { topic: inputTopic },
        ),
      );
      return;
    }
    this.#hasSeat = true;
    const lost = [...this.#tasks].filter(([partition]) => !partitions.includes(partition));
    for (const [partition, task] of lost) {
      task.stop.abort();
      this.#tasks.delete(partition);
    }
    for (const partition of partitions) if (!this.#tasks.has(partition)) this.#start(partition);
    // No task that starts tells of those that are left: the one that they waited for may be gone.
    if (lost.length > 0 || partitions.length === 0) this.#announce();
  }

  #start(partition: number): void {
    const stop = new AbortController();
    const status = freshStatus(partition);
    this.#tasks.set(partition, { status, stop });
    const running = this.#keepRunning(partition, status, stop.signal).finally(() =>
      this.#running.delete(running),
    );
    this.#running.add(running);
  }

  /** Runs the task, again after each failure, until it is no longer ours. */
  async #keepRunning(partition: number, status: TaskStatus, signal: AbortSignal): Promise<void> {
    const { clock } = this.#ports;
    const bounds = new TransactionBounds(this.#options.commitMaxRecords);
    const failures = new RecentFailures();
    const isOver = () => signal.aborted;
    while (!isOver()) {
      try {
        await new StreamTask(this.#options, this.#ports, partition, status, bounds).run(signal, () => {
          this.#announce();
        });
        return;
      } catch (error) {
        if (isOver()) return;
        if (isRefusal(error)) {
          this.#fail(error);
          return;
        }
        this.#options.log.warn(`partition ${partition} starts again: ${describeError(error)}`);
        if (await this.#wasUnreachable(signal)) continue;
        this.#count(causeOf(error));
        // Being fenced may mean that the partition is somebody else's now, which a process that slept learns from its
        // next heartbeat: starting again before that would fence the new owner.
        await this.#seatConfirmed(signal);
        const waitMs = failures.add(error, clock.now());
        if (waitMs === undefined) {
          this.#fail(
            new KafkaClientError(
              'CLICKSTREAM_KAFKA_STALLED',
              `partition ${partition} failed again and again within a minute, the last time with: ${describeError(error)}`,
              { cause: error, partition },
            ),
          );
          return;
        }
        await clock.delay(waitMs, signal);
      }
    }
  }

  /** Resolves when the group has confirmed our seat, and so our partitions, after now; or when `signal` aborts. */
  #seatConfirmed(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        signal.removeEventListener('abort', done);
        resolve();
      };
      this.#waitingForSeat.push(done);
      signal.addEventListener('abort', done);
      if (signal.aborted) done();
    });
  }

  #confirmSeat(): void {
    for (const resolve of this.#waitingForSeat.splice(0)) resolve();
  }

  #announce(): void {
    const states = this.tasks();
    if (states.every(({ state }) => state === 'running'))
      this.#options.onRunning?.(states.map(({ partition }) => partition).sort((a, b) => a - b));
  }

  /** A seat lost for good is taken anew once a broker answers; tasks are fenced by whoever has them meanwhile. */
  async #rejoin(error: unknown): Promise<void> {
    const { signal } = this.#stopping;
    const { clock } = this.#ports;
    const isOver = () => signal.aborted;
    if (isOver()) return;
    if (isFinal(error)) {
      this.#fail(error);
      return;
    }
    this.#options.log.warn(`joining the group again: ${describeError(error)}`);
    this.#hasSeat = false;
    // Awaited: the old member must not take the seat back from the new one.
    await this.#membership?.leave();
    if (!(await this.#wasUnreachable(signal))) {
      this.#count('group');
      const waitMs = this.#seatsLost.add(error, clock.now());
      if (waitMs === undefined) {
        this.#fail(
          new KafkaClientError(
            'CLICKSTREAM_KAFKA_STALLED',
            `the seat in group ${this.#options.applicationId} was lost again and again within a minute, the last time with: ${describeError(error)}`,
            { cause: error },
          ),
        );
        return;
      }
      await clock.delay(waitMs, signal);
    }
    while (!isOver()) {
      try {
        await this.join();
        return;
      } catch (joinError) {
        if (isFinal(joinError)) {
          this.#fail(joinError);
          return;
        }
        this.#options.log.warn(`joining the group again: ${describeError(joinError)}`);
        await this.#wasUnreachable(signal);
        await clock.delay(JOIN_DELAY_MS, signal);
      }
    }
  }

  /** Waits until a broker answers; whether it did not at once. */
  async #wasUnreachable(signal: AbortSignal): Promise<boolean> {
    for (let waited = false; ; waited = true) {
      try {
        await this.#ports.reach(signal);
        return waited;
      } catch (error) {
        if (signal.aborted) return waited;
        // A log-in that is refused now will be refused again.
        if (error instanceof KafkaClientError && error.code !== 'CLICKSTREAM_KAFKA_UNREACHABLE') {
          this.#fail(error);
          return waited;
        }
      }
    }
  }

  async #keepPurging(): Promise<void> {
    const { signal } = this.#stopping;
    for (;;) {
      await this.#ports.clock.delay(this.#options.purgeIntervalMs ?? PURGE_INTERVAL_MS, signal);
      if (signal.aborted) return;
      await this.#purgeRepartition(signal);
    }
  }

  async #purgeRepartition(signal: AbortSignal): Promise<void> {
    const { log, repartitionTopic } = this.#options;
    const partitions = this.tasks()
      .filter(({ state }) => state === 'running')
      .flatMap(({ partition, purgeable }) =>
        purgeable === undefined ? [] : [{ partition, offset: purgeable }],
      );
    if (partitions.length === 0) return;
    try {
      await this.#ports.deleteRecords(repartitionTopic, partitions, signal);
    } catch (error) {
      // Nothing depends on it but disk space, and it is tried again.
      log.warn(`purging ${repartitionTopic}: ${describeError(error)}`);
    }
  }

  #count(cause: string): void {
    this.#restarts.set(cause, (this.#restarts.get(cause) ?? 0) + 1);
  }

  #fail(error: Error): void {
    this.#settle.reject(error);
    void this.#end();
  }

  async #end(): Promise<void> {
    this.#stopping.abort();
    for (const { stop } of this.#tasks.values()) stop.abort();
    // A task that waits for a broker is given up: what it has not committed was never seen.
    const deadline = new AbortController();
    await Promise.race([
      Promise.all(this.#running),
      this.#ports.clock.delay(STOP_DEADLINE_MS, deadline.signal),
    ]);
    deadline.abort();
    await this.#membership?.leave();
    await this.#ports.reader.close();
  }
}

/** Whether joining the group again cannot help. */
function isFinal(error: unknown): error is KafkaClientError {
  return (
    error instanceof KafkaClientError &&
    (error.code === 'CLICKSTREAM_KAFKA_REPLACED' || error.code === 'CLICKSTREAM_KAFKA_AUTHORIZATION')
  );
}

/** The Kafka error's name, or that of the error class: few enough to be a metric's label. */
function causeOf(error: unknown): string {
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    if ('type' in at && typeof at.type === 'string') return at.type;
    if (at instanceof KafkaClientError) return at.code;
  }
  return error instanceof Error ? error.name : 'unknown';
}
