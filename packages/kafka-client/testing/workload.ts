import { encodeClick } from './click.ts';
import type { ModelRecord } from './model-log.ts';
import { EPOCH_MS, TOPICS, type World } from './simulation-world.ts';

export interface WorkloadSettings {
  readonly users: number;
  readonly records: number;
  /** The records are written evenly over this time. */
  readonly durationMs: number;
}

const MOST_IN_BATCH = 6;
/** A click that is sent again is one of this many before it. */
const MOST_REPEATED = 5;
const MEAN_BATCH = (1 + MOST_IN_BATCH) / 2;
/** Producer ids of the writers of the input, none of which is one of the coordinator. */
const CANARY_PRODUCER = 1_000_000;

/**
 * Writes clicks of a few users, some in the wrong partition, some that are no clicks, some a second time, in batches; now
 * and then, in transactions that are aborted, clicks that nobody may count. Event time is now, or that of a replay, give
 * or take something.
 */
export function startWorkload(
  world: World,
  { users, records, durationMs }: WorkloadSettings,
): { readonly isDone: boolean } {
  const { scheduler, random, cluster, coverage, partitions, trace, isForgetful } = world;
  let written = 0;
  let canaries = 0;
  let openCanaries = 0;
  // As it happens, a little ahead of our clock, or what was recorded before: as fast as it was, or faster.
  const isLive = random.chance(0.5);
  const speed = isLive ? 1 : random.pick([1, 4]);
  const beganMs = isLive ? EPOCH_MS + random.pick([0, 0, 1_500]) : EPOCH_MS / 2;
  const jitterMs = random.pick([50, 400, 1_500]);
  let clicks = 0;
  const recent: ModelRecord[][] = Array.from({ length: partitions }, () => []);
  const record = (partition: number): ModelRecord => {
    const again = recent[partition] ?? [];
    if (again.length > 0 && !isForgetful && random.chance(0.08)) return random.pick(again);
    // Most clicks are produced at home.
    const user = random.chance(0.7)
      ? partition + partitions * random.below(Math.ceil(users / partitions))
      : random.below(users);
    const eventTime = Math.floor(beganMs + speed * scheduler.nowMs - random.next() ** 2 * jitterMs);
    const value = random.chance(0.06) ? 'no click' : encodeClick({ user, eventTime, id: clicks++ });
    const written = { key: Buffer.from(String(user)), value: Buffer.from(value), headers: [] };
    again.push(written);
    if (again.length > MOST_REPEATED) again.shift();
    return written;
  };
  const write = () => {
    const partition = random.below(partitions);
    const log = cluster.log(TOPICS.input, partition);
    const batch = Array.from({ length: 1 + random.below(MOST_IN_BATCH) }, () => record(partition));
    const atMs = Math.floor(scheduler.nowMs);
    if (random.chance(0.05)) {
      const producerId = CANARY_PRODUCER + canaries++;
      const { baseOffset } = log.appendTransactional(batch, atMs, { producerId, epoch: 0, sequence: 0 });
      coverage.count('aborted input records', batch.length);
      trace.add(
        'writer',
        `${batch.length} records that will be aborted to ${log.partition} at ${baseOffset}`,
      );
      openCanaries++;
      scheduler.after(random.between(1, 300), () => {
        openCanaries--;
        log.mark(producerId, 0, 'abort');
        return false;
      });
    } else {
      const baseOffset = log.append(batch, atMs);
      written += batch.length;
      coverage.count('records written', batch.length);
      trace.add('writer', `${batch.length} records to ${log.partition} at ${baseOffset}`);
    }
    if (random.chance(0.01)) {
      // Nobody but the application should write there.
      cluster.log(TOPICS.repartition, partition).append([record(partition)], atMs);
      coverage.count('misrouted records');
    }
    if (written < records)
      scheduler.after(random.between(0, 2 * durationMs * (MEAN_BATCH / records)), () => {
        write();
        return false;
      });
  };
  write();
  return {
    get isDone() {
      return written >= records && openCanaries === 0;
    },
  };
}
