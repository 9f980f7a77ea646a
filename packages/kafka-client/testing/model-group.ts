import { shareOut } from '../src/sticky-assignor.ts';
import { ModelError } from './model-error.ts';

export interface Joining {
  readonly memberId: string;
  /** Set for a static member. */
  readonly instanceId: string | undefined;
  /** What the member says it owns. */
  readonly owned: readonly number[];
}

/** What a member is told once the group has shared out. */
export interface Seat {
  readonly generation: number;
  readonly partitions: readonly number[];
}

export interface GroupSettings {
  readonly partitions: number;
  readonly sessionTimeoutMs: number;
  readonly rebalanceTimeoutMs: number;
  readonly now: () => number;
  readonly later: (delayMs: number, happen: () => void) => void;
  readonly onEvent: (event: 'rebalance' | 'session-expired' | 'replaced', detail: string) => void;
}

type Answer = (answer: Seat | ModelError) => void;

interface Member extends Joining {
  lastSeenMs: number;
  /** Set while it waits for the group to share out. */
  waiting: Answer | undefined;
  assigned: readonly number[];
}

/**
 * The coordinator of the application's group. JoinGroup and SyncGroup are one request here: the leader's sharing out
 * happens at the coordinator, with the real assignor, and each member is told at its own time.
 */
export class ModelGroup {
  generation = 0;
  readonly members = new Map<string, Member>();
  readonly #settings: GroupSettings;
  #rebalance = 0;
  #isRebalancing = false;

  constructor(settings: GroupSettings) {
    this.#settings = settings;
  }

  /**
   * A member joins, or joins again. While the group stands still a static member that comes back gets what it had, in
   * the same generation, and its predecessor is fenced; so does a member that joins again with nothing else to say, unless
   * it leads.
   *
   * Shown by test/group-membership.test.ts "finds its partitions again after a restart, and nobody else notices" and
   * "ends, and says why, when another process joins with its id", test/model-group.test.ts "does not share out again for a
   * member that joins as before, unless it is the leader" and "shares out again for a member that joins with something else
   * to say".
   */
  join(joining: Joining, answer: Answer): void {
    const { memberId, instanceId } = joining;
    const predecessor =
      instanceId === undefined
        ? undefined
        : [...this.members.values()].find((member) => member.instanceId === instanceId);
    if (predecessor && predecessor.memberId !== memberId) {
      if (instanceId !== undefined && this.#fenced.has(memberId)) {
        answer(new ModelError('FENCED_INSTANCE_ID'));
        return;
      }
      this.#settings.onEvent('replaced', `${predecessor.memberId} by ${memberId}`);
      this.members.delete(predecessor.memberId);
      this.#fenced.add(predecessor.memberId);
      predecessor.waiting?.(new ModelError('FENCED_INSTANCE_ID'));
      if (!this.#isRebalancing) {
        const { assigned } = predecessor;
        this.#enter({ ...joining, assigned });
        answer({ generation: this.generation, partitions: assigned });
        return;
      }
    }
    const before = this.members.get(memberId);
    const assigned = before?.assigned ?? [];
    const isLeader = this.members.keys().next().value === memberId;
    if (before && !isLeader && !this.#isRebalancing && before.owned.join() === joining.owned.join()) {
      this.#enter({ ...joining, assigned });
      answer({ generation: this.generation, partitions: assigned });
      return;
    }
    this.#enter({ ...joining, assigned }).waiting = answer;
    if (this.#isRebalancing) this.#completeIfAll();
    else this.#beginRebalance();
  }

  /**
   * Shown by test/group-membership.test.ts "shares the partitions, keeps what it had, and gets all back when the other
   * leaves"; the errors by test/model-group.test.ts "tells a member of a rebalance by its heartbeat, and one of an older
   * generation that it is".
   */
  heartbeat(memberId: string, generation: number): void {
    if (this.#fenced.has(memberId)) throw new ModelError('FENCED_INSTANCE_ID');
    const member = this.members.get(memberId);
    if (!member) throw new ModelError('UNKNOWN_MEMBER_ID');
    if (generation !== this.generation) throw new ModelError('ILLEGAL_GENERATION');
    member.lastSeenMs = this.#settings.now();
    if (this.#isRebalancing) throw new ModelError('REBALANCE_IN_PROGRESS');
  }

  /**
   * Shown by test/model-group.test.ts "shares out again at once when a member leaves, and does not know it any more" and
   * test/group-membership.test.ts "gives up its seat when told to".
   */
  leave(memberId: string): void {
    if (this.members.delete(memberId)) this.#beginRebalance();
  }

  readonly #fenced = new Set<string>();

  #enter(joining: Joining & { assigned: readonly number[] }): Member {
    const member: Member = { ...joining, lastSeenMs: this.#settings.now(), waiting: undefined };
    this.members.set(member.memberId, member);
    this.#watch(member);
    return member;
  }

  /**
   * A member not heard of for the session time-out is out.
   *
   * Shown by test/model-group.test.ts "forgets a member that was silent for the session time-out".
   */
  #watch(member: Member): void {
    const { sessionTimeoutMs, now, later, onEvent } = this.#settings;
    const check = () => {
      if (this.members.get(member.memberId) !== member) return;
      // One that waits for the others is heard of by its waiting.
      const silentMs = member.waiting ? 0 : now() - member.lastSeenMs;
      if (silentMs < sessionTimeoutMs) {
        later(Math.max(1, sessionTimeoutMs - silentMs), check);
        return;
      }
      onEvent('session-expired', member.memberId);
      this.leave(member.memberId);
    };
    later(sessionTimeoutMs, check);
  }

  /**
   * The group waits for all its members from now on, for the rebalance time-out at most, whoever joins meanwhile. One that
   * leaves is not waited for.
   *
   * Shown by test/model-group.test.ts "waits for a silent member for the rebalance time-out, whoever joins meanwhile" and
   * "waits no longer for a member that leaves".
   */
  #beginRebalance(): void {
    if (this.#isRebalancing) {
      this.#completeIfAll();
      return;
    }
    if (this.members.size === 0) return;
    this.#isRebalancing = true;
    const rebalance = ++this.#rebalance;
    this.#settings.later(this.#settings.rebalanceTimeoutMs, () => {
      if (this.#isRebalancing && rebalance === this.#rebalance) this.#complete();
    });
    this.#completeIfAll();
  }

  /**
   * Once all members have come it is shared out.
   *
   * Shown by test/model-group.test.ts "tells a member of a rebalance by its heartbeat, and one of an older generation that it
   * is" and "waits no longer for a member that leaves".
   */
  #completeIfAll(): void {
    for (const { waiting } of this.members.values()) if (!waiting) return;
    this.#complete();
  }

  /**
   * Dynamic members that have not come are out; static ones keep their share until their session is over.
   *
   * Shown by test/model-group.test.ts "goes on without a member that does not come in time, but with one that is static".
   */
  #complete(): void {
    for (const member of this.members.values())
      if (!member.waiting && member.instanceId === undefined) this.members.delete(member.memberId);
    this.#isRebalancing = false;
    if (this.members.size === 0) return;
    this.generation++;
    const shares = shareOut([...this.members.values()], this.#settings.partitions);
    this.#settings.onEvent(
      'rebalance',
      `generation ${this.generation}: ${[...shares].map(([id, share]) => `${id} [${share.join()}]`).join(' ')}`,
    );
    for (const member of this.members.values()) {
      const { waiting, memberId } = member;
      member.assigned = shares.get(memberId) ?? [];
      if (!waiting) continue;
      member.waiting = undefined;
      member.lastSeenMs = this.#settings.now();
      waiting({ generation: this.generation, partitions: member.assigned });
    }
  }
}
