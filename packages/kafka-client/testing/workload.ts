import type { ModelRecord } from './model-log.ts';
import { TOPICS, type World } from './simulation-world.ts';

export interface WorkloadSettings {
  readonly users: number;
  readonly records: number;
  /** The records are written evenly over this time. */
  readonly durationMs: number;
}

const MOST_IN_BATCH = 6;
const MEAN_BATCH = (1 + MOST_IN_BATCH) / 2;
/** Producer ids of the writers of the input, none of which is one of the coordinator. */
const CANARY_PRODUCER = 1_000_000;

/**
 * Writes clicks of a few users, some in the wrong partition, some that are no clicks, in batches; now and then, in
 * transactions that are aborted, clicks that nobody may count.
 */
export function startWorkload(
  world: World,
  { users, records, durationMs }: WorkloadSettings,
): { readonly isDone: boolean } {
  const { scheduler, random, cluster, coverage, partitions, trace } = world;
  let written = 0;
  let canaries = 0;
  let openCanaries = 0;
  const record = (partition: number): ModelRecord => {
    // Most clicks are produced at home.
    const user = random.chance(0.7)
      ? partition + partitions * random.below(Math.ceil(users / partitions))
      : random.below(users);
    const value = random.chance(0.06) ? 'no click' : `click ${user}`;
    return { key: Buffer.from(String(user)), value: Buffer.from(value), headers: [] };
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
