import type { TaskProducer } from '../src/task-ports.ts';
import type { InputPosition, PlacedRecord, TopicPartitions } from '../src/transactional-producer.ts';
import { OFFSETS_PLACE, placeOf } from './model-cluster.ts';
import { isModelError } from './model-error.ts';
import type { ModelRecord } from './model-log.ts';
import type { ModelProcess } from './model-process.ts';
import { coordinatorNode, GROUP_NODE, leaderNode, type World } from './simulation-world.ts';

/** As kafkajs has it for CONCURRENT_TRANSACTIONS, see patches: 5 ms and up, about 10 s in all. */
const CONCURRENT_RETRY_MS = [5, 8, 12, 18, 27, 40, 60, 90];
const CONCURRENT_ATTEMPTS = 60;
/** A send is repeated with its sequence numbers, everything else is not. */
const SEND_RETRIES = 2;

/** What {@link TransactionalProducer} is on a real broker, request by request. */
export class SimulatedProducer implements TaskProducer {
  readonly #world: World;
  readonly #process: ModelProcess;
  readonly #id: string;
  readonly #producerId: number;
  readonly #epoch: number;
  readonly #sequences = new Map<string, number>();
  #added = new Set<string>();

  private constructor(
    world: World,
    process: ModelProcess,
    id: string,
    { producerId, epoch }: { producerId: number; epoch: number },
  ) {
    this.#world = world;
    this.#process = process;
    this.#id = id;
    this.#producerId = producerId;
    this.#epoch = epoch;
  }

  static async fence(world: World, process: ModelProcess, id: string): Promise<SimulatedProducer> {
    const { transactions } = world.cluster;
    const owner = await whileConcurrent(process, () =>
      world.network.call({
        process,
        node: coordinatorNode(world),
        what: `init producer id ${id}`,
        apply: () => {
          const state = transactions.all.get(id)?.state;
          if (state === 'ongoing') world.coverage.count('transactions aborted by a fence');
          if (state === 'prepare-commit') world.coverage.count('commits decided when fenced');
          const before = transactions.all.get(id)?.producerId;
          const given = transactions.initProducerId(id);
          if (before !== undefined && before !== given.producerId)
            world.coverage.count('producer ids used up');
          return given;
        },
        show: ({ producerId, epoch }) => `producer ${producerId}, epoch ${epoch}`,
      }),
    );
    return new SimulatedProducer(world, process, id, owner);
  }

  begin(): Promise<void> {
    this.#added = new Set();
    return Promise.resolve();
  }

  async send(records: readonly PlacedRecord[], onPart?: () => void): Promise<Map<string, bigint>> {
    const firstOffsets = new Map<string, bigint>();
    // Now and then more than one request holds, in the order of the records.
    const isSplit = records.length > 1 && this.#world.random.chance(0.2);
    const cut = isSplit ? 1 + this.#world.random.below(records.length - 1) : records.length;
    for (const part of isSplit ? [records.slice(0, cut), records.slice(cut)] : [records]) {
      await this.#sendPart(part, firstOffsets);
      if (isSplit && part.length === cut) onPart?.();
    }
    return firstOffsets;
  }

  /**
   * Fails when no partition is at work on it any more.
   *
   * Shown by test/patch/leader-changes.test.ts "fails only when neither of them is at work on it any more".
   */
  async #sendPart(records: readonly PlacedRecord[], firstOffsets: Map<string, bigint>): Promise<void> {
    const byPlace = new Map<string, PlacedRecord[]>();
    for (const record of records) {
      const place = placeOf(record.topic, record.partition);
      const there = byPlace.get(place);
      if (there) there.push(record);
      else byPlace.set(place, [record]);
    }
    await this.#add([...byPlace.keys()].filter((place) => !this.#added.has(place)));
    const sends = await Promise.allSettled(
      [...byPlace].map(async ([place, there]) => {
        const baseOffset = await this.#produce(place, there);
        if (!firstOffsets.has(place)) firstOffsets.set(place, BigInt(baseOffset));
      }),
    );
    for (const send of sends) if (send.status === 'rejected') throw send.reason;
  }

  async #produce(place: string, records: readonly PlacedRecord[]): Promise<number> {
    const { cluster, network, scheduler, coverage } = this.#world;
    const [first] = records;
    if (!first) throw new Error('nothing to send');
    const sequence = this.#sequences.get(place) ?? 0;
    const stored = records.map(asModelRecord);
    const { baseOffset } = await network.call({
      process: this.#process,
      node: leaderNode(this.#world, first.topic, first.partition),
      what: `produce ${records.length} to ${place}`,
      retries: SEND_RETRIES,
      apply: () => {
        const written = cluster.produce(place, stored, Math.floor(scheduler.nowMs), {
          ...this.#owner,
          sequence,
        });
        if (written.isRepetition) coverage.count('writes repeated and recognised');
        return written;
      },
      show: (written) => `at ${written.baseOffset}${written.isRepetition ? ', was there' : ''}`,
    });
    this.#sequences.set(place, sequence + records.length);
    return baseOffset;
  }

  async sendOffsets(groupId: string, positions: readonly InputPosition[]): Promise<void> {
    await this.#add([OFFSETS_PLACE]);
    const offsets = new Map(
      positions.map(({ topic, partition, offset }) => [placeOf(topic, partition), Number(offset)]),
    );
    await this.#world.network.call({
      process: this.#process,
      node: GROUP_NODE,
      what: `offsets of ${groupId}: ${[...offsets].map(([place, offset]) => `${place} ${offset}`).join(', ')}`,
      apply: () => {
        this.#world.cluster.commitOffsets(this.#owner, offsets);
      },
    });
  }

  async commit(): Promise<void> {
    if (this.#added.size === 0) return;
    const { coverage } = this.#world;
    await this.#end('commit', (wasApplied) => {
      coverage.count(
        wasApplied ? 'commits with unknown outcome, applied' : 'commits with unknown outcome, not applied',
      );
    });
    coverage.count('transactions committed');
  }

  /** For a planted bug: the engine never uses a producer again after an error. */
  async abort(): Promise<void> {
    if (this.#added.size > 0) await this.#end('abort');
  }

  async abortLeftOvers(places: readonly TopicPartitions[], groupId: string): Promise<void> {
    await this.begin();
    await this.#add(
      places.flatMap(({ topic, partitions }) => partitions.map((partition) => placeOf(topic, partition))),
    );
    await this.#end('abort');
    await this.assertOwner(groupId);
  }

  async assertOwner(groupId: string): Promise<void> {
    await this.begin();
    await this.sendOffsets(groupId, []);
    await this.#end('abort');
  }

  async drop(): Promise<void> {
    await this.#process.clock.delay(1);
  }

  async #end(outcome: 'commit' | 'abort', onUnknown?: (wasApplied: boolean) => void): Promise<void> {
    await this.#world.network.call({
      process: this.#process,
      node: coordinatorNode(this.#world),
      what: `${outcome} ${this.#id}`,
      apply: () => {
        this.#world.cluster.transactions.endTransaction(this.#owner, outcome);
      },
      ...(onUnknown && { onUnknown }),
    });
  }

  async #add(places: readonly string[]): Promise<void> {
    if (places.length === 0) return;
    await whileConcurrent(this.#process, () =>
      this.#world.network.call({
        process: this.#process,
        node: coordinatorNode(this.#world),
        what: `add ${places.join(', ')} to ${this.#id}`,
        apply: () => {
          this.#world.cluster.transactions.addPartitions(this.#owner, places);
        },
      }),
    );
    for (const place of places) this.#added.add(place);
  }

  get #owner(): { id: string; producerId: number; epoch: number } {
    return { id: this.#id, producerId: this.#producerId, epoch: this.#epoch };
  }
}

async function whileConcurrent<T>(process: ModelProcess, ask: () => Promise<T>): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await ask();
    } catch (error) {
      if (!isModelError(error, 'CONCURRENT_TRANSACTIONS') || attempt === CONCURRENT_ATTEMPTS) throw error;
      await process.clock.delay(CONCURRENT_RETRY_MS[attempt] ?? 100);
    }
  }
}

function asModelRecord({ key, value, headers = {} }: PlacedRecord): ModelRecord {
  return {
    key,
    value,
    headers: Object.entries(headers).flatMap(([name, values]) =>
      (Array.isArray(values) ? values : [values]).map((one): [string, Buffer] => [name, Buffer.from(one)]),
    ),
  };
}
