import type { Random } from './random.ts';
import type { SimulatedInstance } from './simulated-instance.ts';
import { TOPICS, type World } from './simulation-world.ts';

/** Something that goes wrong at a moment. */
type Fault = (world: World, instances: readonly SimulatedInstance[]) => void;

const kill: Fault = (world, instances) => {
  const instance = world.random.pick(instances);
  if (!instance.isUp) return;
  instance.kill();
  // Back before its session is over, or after.
  instance.startLater(world.random.between(5, world.random.chance(0.3) ? 2 * world.timeouts.sessionMs : 500));
};

const pause: Fault = (world, instances) => {
  const { random, timeouts, trace, scheduler, coverage } = world;
  const { process } = random.pick(instances);
  if (process?.state !== 'up') return;
  const forMs = random.between(20, random.chance(0.5) ? 2.5 * timeouts.sessionMs : timeouts.requestMs * 2);
  trace.add(process.name, 'is paused', `for ${Math.round(forMs)} ms`);
  coverage.count('pauses');
  if (forMs > timeouts.sessionMs) coverage.count('pauses past the session');
  process.pause();
  scheduler.after(forMs, () => {
    if (process.state === 'paused') trace.add(process.name, 'goes on');
    process.resume();
    return false;
  });
};

const stop: Fault = (world, instances) => {
  const instance = world.random.pick(instances);
  instance.stop(() => {
    world.coverage.count('processes stopped and started');
    instance.startLater(world.random.between(1, 1_500));
  });
};

const outage: Fault = (world, instances) => {
  const { random, network, nodes, trace, scheduler, coverage } = world;
  coverage.count('outages');
  const forMs = random.between(50, random.chance(0.3) ? 5_000 : 800);
  const node = random.below(nodes);
  const { process } = random.pick(instances);
  if (random.chance(0.3) && process) {
    trace.add('fault', `${process.name} does not reach node ${node} for ${Math.round(forMs)} ms`);
    network.cut(node, process);
  } else {
    const isAll = random.chance(0.5);
    trace.add(
      'fault',
      `${isAll ? 'all nodes answer' : `node ${node} answers`} nobody for ${Math.round(forMs)} ms`,
    );
    for (let each = 0; each < nodes; each++) if (isAll || each === node) network.cut(each);
  }
  scheduler.after(forMs, () => {
    network.mend();
    return false;
  });
};

const badNetwork: Fault = (world) => {
  const { random, network, trace, scheduler } = world;
  const before = network.faults;
  const rate = () => (random.chance(0.5) ? random.between(0, 0.4) : 0);
  network.faults = { lostRequest: rate() / 2, lostResponse: rate(), lateRequest: rate() / 2, slow: rate() };
  const forMs = random.between(50, 1_500);
  trace.add('fault', `a bad network for ${Math.round(forMs)} ms`);
  scheduler.after(forMs, () => {
    network.faults = before;
    return false;
  });
};

const compact: Fault = (world) => {
  const { random, cluster, trace, coverage } = world;
  const topic = random.pick([TOPICS.results, TOPICS.windows, TOPICS.checkpoint]);
  const log = cluster.log(topic, random.below(world.partitions));
  // The segment that is written to is never cleaned.
  const below = log.end - random.below(6);
  trace.add('fault', `${topic}/${log.partition} is compacted below ${below}`);
  coverage.count('compactions');
  log.compact(below, () => random.chance(0.3));
};

/**
 * Retention of what is counted, and of windows that are closed; where it is forgetful, also of clicks that memory is
 * rebuilt from. Of what is not counted, the engine refuses: apps/aggregator/test/refusals.test.ts.
 */
const retain: Fault = (world) => {
  const { random, cluster, trace, coverage } = world;
  const partition = random.below(world.partitions);
  const newest = cluster.log(TOPICS.checkpoint, partition).newest;
  if (!newest) return;
  const checkpoint = JSON.parse(String(newest.value)) as {
    readonly input: { readonly position: string; readonly rebuildFrom: string };
    readonly resultsFrom: Readonly<Record<string, string>>;
  };
  const isResults = random.chance(0.4);
  const log = cluster.log(isResults ? TOPICS.windows : TOPICS.input, partition);
  const isNeededFrom = isResults
    ? checkpoint.resultsFrom[TOPICS.windows]
    : world.isForgetful
      ? checkpoint.input.position
      : checkpoint.input.rebuildFrom;
  const below = Math.max(log.start, Math.min(log.stable, Number(isNeededFrom ?? 0) - random.below(4)));
  if (isResults && below > log.start) coverage.count('window results deleted');
  log.deleteBelow(below);
  trace.add('fault', `retention deletes ${log.topic}/${partition} below ${below}`);
};

const FAULTS = { kill, pause, stop, outage, badNetwork, compact, retain };

/** Lets a choice of faults happen at random moments for some time, then none any more. */
export function startFaults(
  world: World,
  instances: readonly SimulatedInstance[],
  { count, durationMs }: { readonly count: number; readonly durationMs: number },
): void {
  const { random, network, scheduler, trace, isForgetful } = world;
  // A schedule has a few kinds of faults, so that each meets the others in different mixtures.
  const kinds = Object.values(FAULTS).filter(() => random.chance(0.5));
  if (isForgetful) kinds.push(retain, retain);
  const isBadThroughout = random.chance(0.5);
  if (isBadThroughout)
    network.faults = {
      lostRequest: random.chance(0.5) ? 0.02 : 0,
      lostResponse: random.chance(0.5) ? 0.04 : 0,
      lateRequest: random.chance(0.5) ? 0.03 : 0,
      slow: random.chance(0.5) ? 0.1 : 0,
    };
  if (kinds.length > 0)
    for (let index = 0; index < count; index++) {
      const fault = random.pick(kinds);
      scheduler.after(random.between(0, durationMs), () => {
        fault(world, instances);
        return false;
      });
    }
  scheduler.after(durationMs, () => {
    trace.add('fault', 'no more faults');
    return false;
  });
}

/**
 * Lets transactions end without their markers now and then: aborted ones without some or all of them, committed ones
 * without all. Of a committed one that has some, the engine loses what the others decide, or refuses (decision 0008).
 */
export function startLosingMarkers(
  { cluster: { transactions }, scheduler, coverage, trace }: World,
  random: Random,
  durationMs: number,
): void {
  const lose = (outcome: 'commit' | 'abort') => {
    coverage.count('transactions ended without all their markers');
    const share = outcome === 'abort' && random.chance(0.5) ? 0.5 : 1;
    trace.add('fault', `${share < 1 ? 'some' : 'all'} markers of an ${outcome} are left out`);
    return () => random.chance(share);
  };
  for (let count = 1 + random.below(3); count > 0; count--)
    scheduler.after(random.between(0, durationMs), () => {
      transactions.losesMarkers = lose;
      scheduler.after(random.between(20, 300), () => {
        transactions.losesMarkers = undefined;
        return false;
      });
      return false;
    });
}

/** Ends everything that may still be wrong. */
export function endFaults(
  { network, random, cluster, losesMarkers }: World,
  instances: readonly SimulatedInstance[],
): void {
  network.settle();
  cluster.transactions.losesMarkers = undefined;
  // What is undecided shows at the next write, and there may be none: nobody but a task that starts ends it then.
  if (losesMarkers) for (const instance of instances) instance.kill();
  for (const instance of instances) {
    instance.process?.resume();
    if (!instance.isUp) instance.startLater(random.between(0, 500));
  }
}
