import type { InstanceSettings } from '../src/task-processor.ts';
import { CountingLogic } from './counting-logic.ts';
import { Coverage } from './coverage.ts';
import { endFaults, startFaults, startLosingMarkers } from './faults.ts';
import { Invariants } from './invariants.ts';
import { ModelCluster } from './model-cluster.ts';
import { ModelGroup } from './model-group.ts';
import { ModelNetwork } from './model-network.ts';
import { Random } from './random.ts';
import { Scheduler } from './scheduler.ts';
import { SimulatedInstance, type Engine } from './simulated-instance.ts';
import { APPLICATION_ID, TOPICS, type World } from './simulation-world.ts';
import { Trace } from './trace.ts';
import { Violation } from './violation.ts';
import { startWorkload } from './workload.ts';

/** How a schedule went. */
export interface ScheduleResult {
  readonly seed: number;
  /** What must not have happened, or an error of the simulation itself. */
  readonly violation: Error | undefined;
  readonly trace: Trace;
  readonly coverage: Coverage;
  readonly virtualMs: number;
}

const QUIET_LIMIT_MS = 60_000;
/** Ten times what a long schedule takes. */
const MOST_STEPS = 50_000;
const STOP_LIMIT_MS = 10_000;
/** Markers are on their way for less than this when nothing is wrong. */
const SETTLE_MS = 200;

/**
 * Runs one schedule: the same seed, the same schedule.
 *
 * @param keepsStacks whether errors have their stacks, which cost about as much as the model: they are the answers of
 * brokers.
 */
export async function runSchedule(
  seed: number,
  engine: Engine,
  keepsStacks = false,
): Promise<ScheduleResult> {
  const { stackTraceLimit } = Error;
  if (!keepsStacks) Error.stackTraceLimit = 0;
  try {
    return await run(seed, engine);
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
    await Scheduler.turn();
  }
}

async function run(seed: number, engine: Engine): Promise<ScheduleResult> {
  const random = new Random(seed);
  // For what came later, so that seeds mean what they did before.
  const extra = new Random(-seed);
  const { world, invariants } = createWorld(random, extra);
  const { scheduler, coverage, trace, partitions } = world;
  let violation: Error | undefined;
  const onViolation = (found: Error) => {
    violation ??= found;
  };
  const faultsMs = random.between(1_000, 6_000);
  const emitsEvery = random.chance(0.5);
  const instanceCount = 1 + random.below(3);
  const isStatic = random.chance(0.5);
  const settings: Omit<InstanceSettings, 'log'> = {
    applicationId: APPLICATION_ID,
    inputTopic: TOPICS.input,
    repartitionTopic: TOPICS.repartition,
    checkpointTopic: TOPICS.checkpoint,
    resultTopics: [TOPICS.results, TOPICS.windows, ...(world.sessions ? [TOPICS.sessions] : [])],
    otherTopics: [TOPICS.deadLetters],
    partitions,
    createLogic: (partition) => new CountingLogic(partition, world, emitsEvery, engine.forgetsAbsorbed),
    idleTimeoutMs: random.pick([400, 1_000]),
    commitIntervalMs: random.pick([5, 50, 200]),
    commitMaxRecords: 2 + random.below(7),
    // The engine purges what a commit has covered that is undone when its markers were left out.
    purgeIntervalMs: random.between(300, 2_000) * (world.losesMarkers ? 1_000 : 1),
    onTransaction: (outcome) => {
      if (outcome === 'failed') coverage.count('transactions failed');
    },
  };
  const instances = Array.from({ length: instanceCount }, (_, index) => {
    const name = `instance${index}`;
    const own = isStatic ? { instanceId: name, leaveOnStop: random.chance(0.3) } : {};
    return new SimulatedInstance(world, engine, name, { ...settings, ...own }, onViolation);
  });

  /** Steps until something is so. @returns whether it came to be so in time. */
  const until = async (isSo: () => boolean, limitMs: number): Promise<boolean> => {
    const deadlineMs = scheduler.nowMs + limitMs;
    while (!isSo()) {
      if (scheduler.nowMs > deadlineMs || !(await scheduler.step())) return false;
      if (scheduler.steps > MOST_STEPS) throw new Violation(`there is no end to it: ${MOST_STEPS} steps`);
      if (violation) throw violation;
      invariants.check();
    }
    return true;
  };

  try {
    for (const instance of instances) instance.startLater(random.between(0, 800));
    const workload = startWorkload(world, {
      users: 2 + random.below(7),
      records: 15 + random.below(50),
      durationMs: faultsMs,
    });
    if (world.losesMarkers) startLosingMarkers(world, extra, faultsMs);
    startFaults(world, instances, { count: 2 + random.below(8), durationMs: faultsMs });
    await until(() => scheduler.nowMs >= faultsMs, Infinity);

    endFaults(world, instances);
    // What was sent before may still be lost.
    const quietMs = scheduler.nowMs + 3 * world.timeouts.requestMs;
    const isQuiet = () =>
      scheduler.nowMs > quietMs &&
      workload.isDone &&
      instances.every(({ isAtWork }) => isAtWork) &&
      invariants.isAllCounted;
    if (!(await until(isQuiet, QUIET_LIMIT_MS)))
      throw new Violation(
        `not everything is counted ${QUIET_LIMIT_MS / 1000} s after the last fault: ${invariants.missing}`,
      );
    if (!(await until(() => invariants.isAllClosed, QUIET_LIMIT_MS)))
      throw new Violation(
        `windows or sessions are open ${QUIET_LIMIT_MS / 1000} s after the last click: ${invariants.open}`,
      );

    for (const instance of instances) instance.retire();
    const isStopped = () => instances.every(({ isUp }) => !isUp);
    const stopAll = () => {
      for (const instance of instances) instance.stop(() => undefined);
    };
    stopAll();
    // One that was joining the group cannot be told before it has.
    if (
      !(await until(() => {
        stopAll();
        return isStopped();
      }, STOP_LIMIT_MS))
    )
      throw new Violation(`not all instances have stopped ${STOP_LIMIT_MS / 1000} s after they were told to`);
    const settledMs = scheduler.nowMs + SETTLE_MS;
    await until(() => scheduler.nowMs >= settledMs, Infinity);
    invariants.checkEnd();
  } catch (error) {
    violation = error instanceof Error ? error : new Error(String(error));
  }
  coverage.count('steps', scheduler.steps);
  return { seed, violation, trace, coverage, virtualMs: scheduler.nowMs };
}

function createWorld(random: Random, extra: Random): { world: World; invariants: Invariants } {
  const scheduler = new Scheduler();
  const coverage = new Coverage();
  const trace = new Trace(scheduler);
  const partitions = 2 + random.below(3);
  const timeouts = {
    requestMs: 400,
    transactionMs: random.pick([1_500, 4_000]),
    sessionMs: 1_500,
    heartbeatMs: 300,
    rebalanceMs: 2_000,
    fetchMs: 500,
    leaderlessMs: 4_000,
  };
  const sizeMs = random.pick([300, 2_000]);
  const windows = {
    sizeMs,
    advanceMs: extra.chance(0.3) ? sizeMs / extra.pick([2, 4]) : sizeMs,
    graceMs: random.pick([0, 200, 500]),
    horizonMs: random.pick([300, 1_500]),
  };
  const isForgetful = random.chance(0.2);
  const later = (delayMs: number, happen: () => void) => {
    scheduler.after(delayMs, () => {
      happen();
      return false;
    });
  };
  const network = new ModelNetwork(scheduler, random, trace, coverage, timeouts.requestMs);
  const slowMarkers = random.chance(0.3) ? 0.2 : 0.02;
  const mostEpochs = random.chance(0.2) ? 3 : 32_767;
  const cluster = new ModelCluster(Object.values(TOPICS), partitions, {
    timeoutMs: timeouts.transactionMs,
    mostEpochs,
    later,
    markerDelayMs: () => (random.chance(slowMarkers) ? random.between(5, 150) : random.between(0.2, 2)),
    onTimeout: ({ id }) => {
      coverage.count('transactions timed out');
      trace.add('broker', `transaction of ${id} timed out`);
    },
  });
  const group = new ModelGroup({
    partitions,
    sessionTimeoutMs: timeouts.sessionMs,
    rebalanceTimeoutMs: timeouts.rebalanceMs,
    now: () => scheduler.nowMs,
    later,
    onEvent: (event, detail) => {
      trace.add('broker', event, detail);
      coverage.count(
        event === 'rebalance'
          ? 'rebalances'
          : event === 'replaced'
            ? 'static members replaced'
            : 'sessions expired',
      );
    },
  });
  const nodes = 1 + random.below(3);
  const world = {
    partitions,
    nodes,
    timeouts,
    windows,
    sessions: extra.chance(0.3) ? { gapMs: extra.pick([100, 600]), graceMs: windows.graceMs } : undefined,
    isForgetful,
    // A marker of another producer id would decide nothing.
    losesMarkers: mostEpochs > 3 && extra.chance(0.15),
    scheduler,
    random,
    trace,
    coverage,
    network,
    cluster,
    group,
  };
  return { world, invariants: new Invariants(world) };
}
