import { runInstance } from '../src/task-processor.ts';
import { isModelError } from './model-error.ts';
import type { ModelProcess } from './model-process.ts';
import { mutatedEngine, type Mutation } from './mutated-engine.ts';
import type { Engine } from './simulated-instance.ts';
import { SimulatedProducer } from './simulated-producer.ts';

/** A bug that the search has to find. */
export interface PlantedBug {
  readonly name: string;
  /** The seed that finds it; a change of the engine moves it, and the test then fails and says where to. */
  readonly seed: number;
  /** Schedules within which it is to be found, whatever the engine has become. */
  readonly within: number;
  /** What may be seen of it; with another seed it is another of these. */
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
  within: 500,
  finding,
  engine: () => mutatedEngine(name.replaceAll(' ', '-'), mutations),
});

/** The commit that is under way is that of a tick: no record was processed since the one before. */
const MARK_TICKS: readonly Mutation[] = [
  {
    file: 'stream-task.ts',
    from: '  #isDirty = false;\n',
    to: '  #isDirty = false;\n  isTick = false;\n',
  },
  {
    file: 'stream-task.ts',
    from: 'const verdict = this.#logic.process(',
    to: 'this.isTick = false;\n      const verdict = this.#logic.process(',
  },
  {
    file: 'stream-task.ts',
    from: 'clock.wallClockMs(), this.#output)) this.#isDirty = true;',
    to: 'clock.wallClockMs(), this.#output)) this.isTick = this.#isDirty = true;',
  },
];

/**
 * What makes several of these bugs come to light before they do harm: with it the search finds no wrong number, only an engine that
 * starts again and again.
 */
const UNPROTECTED: readonly Mutation[] = [
  {
    file: 'stream-task.ts',
    from: 'await producer.abortLeftOvers(this.#outputs(), applicationId);',
    to: '',
  },
  { file: 'stream-task.ts', from: '[checkpointTopic]: this.#checkpointEnd', to: '' },
];

const WRONG_TOTALS = /the total of user|clicks are counted than were received/;

/** Bugs that engines like this one have had, each planted from outside: the engine knows nothing of them. */
export const PLANTED_BUGS: readonly PlantedBug[] = [
  mutated('state applied before the commit is kept when it fails', 15, WRONG_TOTALS, [
    ...UNPROTECTED,
    {
      file: 'task-processor.ts',
      from: 'const failures = new RecentFailures();',
      to: 'const failures = new RecentFailures(); let kept: StreamTask | undefined;',
    },
    {
      file: 'task-processor.ts',
      from: 'await new StreamTask(this.#options, this.#ports, partition, status, bounds).run(',
      to: 'kept ??= new StreamTask(this.#options, this.#ports, partition, status, bounds); await kept.run(',
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
  ]),
  mutated('checkpoint and positions are read before fencing', 23, /was committed after/, [
    ...UNPROTECTED,
    {
      file: 'stream-task.ts',
      from: 'this.#status.lags = { input: undefined, repartition: undefined };',
      to: `await this.#restore(signal).catch((error: unknown) => {
        throw isRefusal(error) ? new Error('what was read does not agree') : error;
      });`,
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
  ]),
  {
    name: 'a task that lost its partition commits',
    seed: 13,
    within: 500,
    finding: /^partition .* the group's offset of|was committed after/,
    // A transactional id of each process fences nobody.
    engine: async () => ({
      ...(await mutatedEngine('fences-nobody', UNPROTECTED)),
      wrapPorts: (ports, _world, { name }) => ({
        ...ports,
        fence: (id) => ports.fence(`${id} of ${name}`),
      }),
    }),
  },
  {
    name: 'a producer is used again after a failed commit',
    seed: 692,
    within: 5_000,
    // A commit that was given up ends the next transaction of the same epoch (KIP-890); with other seeds a checkpoint is
    // taken for a repetition of one that was given up, and lost.
    finding: /does not cover results that are committed/,
    engine: async () => ({
      ...(await mutatedEngine('reuses-producers', UNPROTECTED)),
      wrapPorts: reuseProducers(),
    }),
  },
  mutated(
    'the checkpoint is committed before the results that it covers',
    3,
    /results that it covers are missing/,
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
  mutated('a tick that closed a window is not committed', 2, /are open .* after the last click/, [
    {
      file: 'stream-task.ts',
      from: 'clock.wallClockMs(), this.#output)) this.#isDirty = true;',
      to: 'clock.wallClockMs(), this.#output)) return;',
    },
  ]),
  mutated('clicks are processed while windows are left to close', 2, /while windows are left to close/, [
    {
      file: 'stream-task.ts',
      from: 'if (this.#output.isFull() || this.#logic.isClosing) {',
      to: 'if (this.#output.isFull()) {',
    },
    {
      file: 'stream-task.ts',
      from: 'while (this.#logic.isClosing && !signal.aborted);',
      to: 'while (Boolean(0));',
    },
    { file: 'stream-task.ts', from: 'if (this.#logic.isClosing) return 0;', to: '' },
  ]),
  mutated('a tick is committed without its stream time', 9, /is final at stream time|after its final one/, [
    ...MARK_TICKS,
    {
      file: 'stream-task.ts',
      from: 'state: this.#logic.snapshot(),',
      to: 'state: this.isTick ? this.#checkpoint.state : this.#logic.snapshot(),',
    },
  ]),
  mutated(
    'a tick that was not committed survives the restart',
    260,
    /is open at stream time|results that it covers are missing/,
    [
      ...UNPROTECTED,
      ...MARK_TICKS,
      {
        file: 'task-processor.ts',
        from: 'const failures = new RecentFailures();',
        to: 'const failures = new RecentFailures(); let kept: StreamTask | undefined;',
      },
      {
        file: 'task-processor.ts',
        from: 'await new StreamTask(this.#options, this.#ports, partition, status, bounds).run(',
        to: `if (!kept?.isTick) kept = new StreamTask(this.#options, this.#ports, partition, status, bounds);
        await kept.run(`,
      },
      {
        file: 'stream-task.ts',
        from: 'await this.#restore(signal).catch(',
        to: 'if (!this.isTick) await this.#restore(signal).catch(',
      },
    ],
  ),
  {
    name: 'an absorbed session gets no tombstone',
    seed: 27,
    within: 500,
    finding: /is not merged with the one before|clicks of the session|start of the session/,
    engine: () => Promise.resolve({ runInstance, forgetsAbsorbed: true }),
  },
  mutated('what transactions left undecided is not aborted', 219, /was forwarded to .* after one at/, [
    {
      file: 'stream-task.ts',
      from: 'await producer.abortLeftOvers(this.#outputs(), applicationId);',
      to: '',
    },
  ]),
  mutated('memory is not rebuilt from the inputs', 2, /users of the window|books.counted/, [
    { file: 'restore-task.ts', from: 'if (from >= to) return;', to: 'if (from <= to) return;' },
  ]),
  mutated('results are read from too far on', 2, /engine refuses .* the restored state has/, [
    {
      file: 'restore-task.ts',
      from: 'const from = found?.resultsFrom[topic] ?? start;',
      to: 'const from = (found?.resultsFrom[topic] ?? start - 1n) + 1n;',
    },
  ]),
  mutated('the time before a record is idle time', 18, /went faster than time|late because of a pause/, [
    {
      file: 'stream-task.ts',
      from: 'idle.answer(input, isCaughtUp && nextOffset === fetchedOffset, arrivedAt)',
      to: 'idle.answer(input, isCaughtUp, arrivedAt)',
    },
  ]),
  mutated('forwarded clicks are not counted by their origin', 1, /0 clicks received from partition/, [
    {
      file: 'stream-task.ts',
      from: 'if (receivedFrom) receivedFrom[from] = (receivedFrom[from] ?? 0) + 1;',
      to: '',
    },
  ]),
  mutated('idle time passes the wall clock', 1, /ahead of the wall clock/, [
    {
      file: 'stream-task.ts',
      from: 'clock.wallClockMs(), this.#output)) this',
      to: 'Infinity, this.#output)) this',
    },
  ]),
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
