import type { Logger } from '../src/logger.ts';
import { isRefusal } from '../src/task-refusal.ts';
import type { TaskPorts } from '../src/task-ports.ts';
import type { InstanceSettings, runInstance, TaskProcessor } from '../src/task-processor.ts';
import { ModelProcess } from './model-process.ts';
import { simulatedPorts } from './simulated-ports.ts';
import type { World } from './simulation-world.ts';
import { Violation } from './violation.ts';

/** The engine that is run: the one in src, or one with a bug planted. */
export interface Engine {
  readonly runInstance: typeof runInstance;
  /** A bug of the application, planted. */
  readonly forgetsAbsorbed?: boolean;
  readonly wrapPorts?: (ports: TaskPorts, world: World, process: ModelProcess) => TaskPorts;
}

/** A place for one process of the application, with whoever starts it again: as a supervisor does. */
export class SimulatedInstance {
  process: ModelProcess | undefined;
  readonly #world: World;
  readonly #engine: Engine;
  readonly #name: string;
  readonly #settings: Omit<InstanceSettings, 'log'>;
  readonly #onViolation: (violation: Error) => void;
  #processor: TaskProcessor | undefined;
  #stopping: ModelProcess | undefined;
  #incarnations = 0;
  #isWanted = true;

  constructor(
    world: World,
    engine: Engine,
    name: string,
    settings: Omit<InstanceSettings, 'log'>,
    onViolation: (violation: Error) => void,
  ) {
    this.#world = world;
    this.#engine = engine;
    this.#name = name;
    this.#settings = settings;
    this.#onViolation = onViolation;
  }

  get isUp(): boolean {
    return this.process !== undefined && this.process.state !== 'dead';
  }

  start(): void {
    if (this.isUp) return;
    const world = this.#world;
    const process = new ModelProcess(`${this.#name}.${++this.#incarnations}`, world.scheduler, world.random);
    world.trace.add(process.name, 'starts');
    this.process = process;
    this.#processor = undefined;
    const warn = (text: string) => {
      world.trace.add(process.name, 'warns', text);
    };
    const log = { warn, info: warn, debug: warn, error: warn } as unknown as Logger;
    const ports = simulatedPorts(world, process);
    const { runInstance: run, wrapPorts } = this.#engine;
    const ended = (error: unknown) => {
      this.#end(process, error);
    };
    run({ ...this.#settings, log }, wrapPorts ? wrapPorts(ports, world, process) : ports).then(
      (processor) => {
        if (this.process === process) this.#processor = processor;
        processor.finished.catch(ended);
      },
      ended,
    );
  }

  startLater(delayMs: number): void {
    this.#world.scheduler.after(delayMs, () => {
      if (this.#isWanted) this.start();
      return true;
    });
  }

  kill(): void {
    const { process } = this;
    if (!process || !this.isUp) return;
    const { coverage, trace, cluster } = this.#world;
    trace.add(process.name, 'is killed');
    coverage.count('processes killed');
    if ([...cluster.transactions.all.values()].some(({ state }) => state === 'ongoing'))
      coverage.count('processes killed with an open transaction');
    process.kill();
  }

  /** As SIGTERM does. @param done called when the process has ended. */
  stop(done: () => void): void {
    const { process } = this;
    const processor = this.#processor;
    if (!process || !processor || process.state !== 'up' || this.#stopping === process) return;
    this.#stopping = process;
    this.#world.trace.add(process.name, 'is told to stop');
    void processor.stop().then(() => {
      if (process.state === 'dead') return;
      this.#world.trace.add(process.name, 'has stopped');
      process.kill();
      done();
    });
  }

  /** Not to be started again. */
  retire(): void {
    this.#isWanted = false;
  }

  /** Whether it has its seat, and all its tasks are running. */
  get isAtWork(): boolean {
    return this.#processor !== undefined && this.#processor.notReady() === undefined;
  }

  #end(process: ModelProcess, error: unknown): void {
    if (process.state === 'dead') return;
    const { trace, coverage, random } = this.#world;
    trace.add(process.name, 'ends by itself', error instanceof Error ? error.message : String(error));
    coverage.count('processes ended by themselves');
    if (isRefusal(error))
      this.#onViolation(new Violation(`the engine refuses although nothing was lost: ${error.message}`));
    process.kill();
    this.startLater(random.between(10, 1_000));
  }
}
