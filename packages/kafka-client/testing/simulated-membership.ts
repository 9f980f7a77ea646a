import { KafkaClientError } from '../src/error.ts';
import type { GroupMembership } from '../src/group-membership.ts';
import type { TaskPorts } from '../src/task-ports.ts';
import { isModelError, NoAnswerError } from './model-error.ts';
import type { Seat } from './model-group.ts';
import { LATER } from './model-network.ts';
import type { ModelProcess } from './model-process.ts';
import { GROUP_NODE, type World } from './simulation-world.ts';

type Options = Parameters<TaskPorts['joinGroup']>[0];

/** Heartbeats without an answer after which kafkajs gives up, as it is configured in src/group-membership.ts. */
const MOST_UNANSWERED = 3;

/**
 * What `joinGroup` is on a real broker: heartbeats, and joining again when the group shares out or does not know us
 * any more. The seat is lost for good when nobody answers, or another process took it.
 *
 * Shown by test/group-membership.test.ts "shares the partitions, keeps what it had, and gets all back when the other
 * leaves", "finds its partitions again after a restart, and nobody else notices" and "ends, and says why, when another
 * process joins with its id".
 */
export class SimulatedMembership implements GroupMembership {
  readonly failed: Promise<never>;
  readonly #fail: (error: Error) => void;
  readonly #world: World;
  readonly #process: ModelProcess;
  readonly #options: Options;
  #memberId: string;
  #owned: readonly number[] = [];
  #generation = 0;
  #isOver = false;

  private constructor(world: World, process: ModelProcess, options: Options) {
    const { promise, reject } = Promise.withResolvers<never>();
    this.failed = promise;
    this.failed.catch(() => undefined); // whoever is interested awaits it
    this.#fail = (error) => {
      this.#isOver = true;
      reject(error);
    };
    this.#world = world;
    this.#process = process;
    this.#options = options;
    this.#memberId = this.#nextMemberId();
  }

  static async join(world: World, process: ModelProcess, options: Options): Promise<SimulatedMembership> {
    const membership = new SimulatedMembership(world, process, options);
    try {
      await membership.#join();
    } catch (error) {
      membership.#isOver = true;
      throw new KafkaClientError('CLICKSTREAM_KAFKA_UNREACHABLE', 'joining the group', { cause: error });
    }
    void membership.#keepSeat();
    return membership;
  }

  commit(): Promise<void> {
    return Promise.reject(new Error('the engine commits offsets in transactions only'));
  }

  async leave(): Promise<void> {
    this.#isOver = true;
    const { instanceId, leaveOnStop = instanceId === undefined } = this.#options;
    if (!leaveOnStop) return;
    const memberId = this.#memberId;
    await this.#ask('leave', () => {
      this.#world.group.leave(memberId);
    }).catch(() => undefined);
  }

  async #join(): Promise<void> {
    const { network, group, timeouts } = this.#world;
    const joining = {
      memberId: this.#memberId,
      instanceId: this.#options.instanceId,
      owned: this.#owned,
    };
    const { generation, partitions } = await network.call<Seat>({
      process: this.#process,
      node: GROUP_NODE,
      what: `join as ${joining.memberId}`,
      retries: MOST_UNANSWERED,
      // A repetition that arrives takes the place of the request before, which is never answered then.
      mayHang: true,
      timeoutMs: timeouts.rebalanceMs + timeouts.requestMs,
      apply: (later) => {
        group.join(joining, later);
        return LATER;
      },
    });
    if (this.#isOver) return;
    this.#world.trace.add(
      this.#process.name,
      'is assigned',
      `${joining.memberId}, generation ${generation}: [${partitions.join()}]`,
    );
    this.#generation = generation;
    this.#owned = partitions;
    this.#options.onAssigned(partitions);
  }

  async #keepSeat(): Promise<void> {
    const { clock } = this.#process;
    for (let unanswered = 0; ;) {
      await clock.delay(this.#world.timeouts.heartbeatMs);
      if (this.#isOver) return;
      try {
        await this.#beat();
        unanswered = 0;
      } catch (error) {
        if (this.#hasLeft()) return;
        if (isModelError(error, 'FENCED_INSTANCE_ID')) {
          this.#fail(
            new KafkaClientError('CLICKSTREAM_KAFKA_REPLACED', 'another process has joined with our id', {
              cause: error,
            }),
          );
          return;
        }
        if (error instanceof NoAnswerError && ++unanswered < MOST_UNANSWERED) continue;
        this.#world.coverage.count('seats lost');
        this.#fail(
          new KafkaClientError('CLICKSTREAM_KAFKA_CONSUMER_CRASHED', 'the consumer crashed', {
            cause: error,
          }),
        );
        return;
      }
    }
  }

  /** It may have left while something was awaited, which the compiler does not see. */
  #hasLeft(): boolean {
    return this.#isOver;
  }

  async #beat(): Promise<void> {
    const { group } = this.#world;
    const memberId = this.#memberId;
    const generation = this.#generation;
    try {
      await this.#ask('heartbeat', () => {
        group.heartbeat(memberId, generation);
      });
    } catch (error) {
      if (isModelError(error, 'UNKNOWN_MEMBER_ID')) this.#memberId = this.#nextMemberId();
      else if (!isModelError(error, 'REBALANCE_IN_PROGRESS') && !isModelError(error, 'ILLEGAL_GENERATION'))
        throw error;
      if (!this.#isOver) await this.#join();
      return;
    }
    if (!this.#isOver) this.#options.onHeartbeat?.();
  }

  #ask(what: string, apply: () => void): Promise<void> {
    return this.#world.network.call({
      process: this.#process,
      node: GROUP_NODE,
      what: `${what} of ${this.#memberId}`,
      isQuiet: what === 'heartbeat',
      apply,
    });
  }

  #nextMemberId(): string {
    return `${this.#process.name}-${memberCount(this.#world)}`;
  }
}

const memberCounts = new WeakMap<World, number>();

/** Member ids are unique, as the coordinator gives them. */
function memberCount(world: World): number {
  const count = (memberCounts.get(world) ?? 0) + 1;
  memberCounts.set(world, count);
  return count;
}
