import { runInstance } from '../src/task-processor.ts';
import { isModelError } from './model-error.ts';
import type { ModelProcess } from './model-process.ts';
import { mutatedEngine, type Mutation } from './mutated-engine.ts';
import type { Engine } from './simulated-instance.ts';
import { SimulatedProducer } from './simulated-producer.ts';

/** A bug that the search has to find. */
export interface PlantedBug {
  readonly name: string;
  /** A seed that finds it. */
  readonly seed: number;
  /** What is seen of it with that seed. */
  readonly finding: RegExp;
  readonly engine: () => Promise<Engine>;
}

const mutated = (
  name: string,
  seed: number,
  finding: RegExp,
  mutations: readonly Mutation[],
): PlantedBug => ({
  name,
  seed,
  finding,
  engine: () => mutatedEngine(name.replaceAll(' ', '-'), mutations),
});

/** Bugs that engines like this one have had, each planted from outside: the engine knows nothing of them. */
export const PLANTED_BUGS: readonly PlantedBug[] = [
  mutated(
    'state applied before the commit is kept when it fails',
    3,
    /^partition 2, checkpoint 2: the total of user 6: expected 5, found 3$/,
    [
      {
        file: 'task-processor.ts',
        from: 'const failures: number[] = [];',
        to: 'const failures: number[] = []; let kept: StreamTask | undefined;',
      },
      {
        file: 'task-processor.ts',
        from: 'await new StreamTask(this.#options, this.#ports, partition, status).run(',
        to: 'kept ??= new StreamTask(this.#options, this.#ports, partition, status); await kept.run(',
      },
      {
        file: 'stream-task.ts',
        from: '  #isDirty = false;\n',
        to: '  #isDirty = false;\n  #wasRestored = false;\n',
      },
      {
        file: 'stream-task.ts',
        from: 'await this.#restore(signal).catch(',
        to: 'if (!this.#wasRestored) await this.#restore(signal).catch(',
      },
      {
        file: 'stream-task.ts',
        from: "this.#status.state = 'running';",
        to: "this.#status.state = 'running'; this.#wasRestored = true;",
      },
    ],
  ),
  mutated(
    'checkpoint and positions are read before fencing',
    40,
    /^partition 1: checkpoint 4 was committed after checkpoint 4$/,
    [
      {
        file: 'stream-task.ts',
        from: 'const producer = await this.#ports.fence(',
        to: `await this.#restore(signal).catch((error: unknown) => {
        throw isRefusal(error) ? new Error('what was read does not agree') : error;
      });
      const producer = await this.#ports.fence(`,
      },
      {
        file: 'stream-task.ts',
        from: `      await this.#restore(signal).catch(async (error: unknown) => {
        // If somebody took over meanwhile, what was read is of several moments and does not agree for that reason.
        if (isRefusal(error)) await producer.assertOwner(applicationId);
        throw error;
      });
`,
        to: '',
      },
    ],
  ),
  {
    name: 'a task that lost its partition commits',
    seed: 6,
    finding: /^partition 1, checkpoint 5: the group's offset of clicks: expected 2, found 11$/,
    // A transactional id of each process fences nobody.
    engine: () =>
      Promise.resolve({
        runInstance,
        wrapPorts: (ports, _world, { name }) => ({
          ...ports,
          fence: (id) => ports.fence(`${id} of ${name}`),
        }),
      }),
  },
  {
    name: 'a producer is used again after a failed commit',
    seed: 1710,
    // A commit that was given up arrives within the next transaction of the same epoch (KIP-890).
    finding: /^partition 2, checkpoint 2 does not cover results that are committed$/,
    engine: () => Promise.resolve({ runInstance, wrapPorts: reuseProducers() }),
  },
  mutated(
    'the checkpoint is committed before the results that it covers',
    1,
    /^partition 1, checkpoint 1: results that it covers are missing$/,
    [
      {
        file: 'stream-task.ts',
        from: 'const firstOffsets = await producer.send([...records, checkpointRecord], ',
        to: `await producer.send([checkpointRecord]);
      await producer.commit();
      await producer.begin();
      const firstOffsets = await producer.send(records, `,
      },
    ],
  ),
];

/** Gives the same producer out again for as long as nobody else has taken its transactional id over. */
function reuseProducers(): NonNullable<Engine['wrapPorts']> {
  const kept = new WeakMap<ModelProcess, Map<string, SimulatedProducer>>();
  return (ports, world, process) => ({
    ...ports,
    fence: async (id) => {
      const ofProcess = kept.get(process) ?? new Map<string, SimulatedProducer>();
      kept.set(process, ofProcess);
      const earlier = ofProcess.get(id);
      try {
        await earlier?.abort();
        if (earlier) return earlier;
      } catch (error) {
        if (earlier && !isModelError(error, 'INVALID_PRODUCER_EPOCH')) return earlier;
      }
      const producer = await SimulatedProducer.fence(world, process, id);
      ofProcess.set(id, producer);
      return producer;
    },
  });
}
